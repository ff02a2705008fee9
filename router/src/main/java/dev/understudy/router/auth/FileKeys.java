package dev.understudy.router.auth;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.security.Reloading;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An issuer's keys in a file, which is looked at every so many ticks. */
final class FileKeys implements TokenKeySource {
  private static final int TICKS = 10;

  private final Reloading<TokenKeys> keys;
  private int ticks;

  /**
   * Reads the file.
   *
   * @throws ConfigException if it cannot be used
   */
  FileKeys(Path file) {
    keys =
        Reloading.open(
            "auth.jwt.jwksFile",
            List.of(file),
            contents -> {
              byte[] json = contents.getFirst();
              if (json.length > TokenKeys.MAX_BYTES) {
                throw new ConfigException(
                    file
                        + ": "
                        + json.length
                        + " bytes (expected: at most "
                        + TokenKeys.MAX_BYTES
                        + ")");
              }
              return TokenKeys.parse(file.toString(), new String(json, StandardCharsets.UTF_8));
            });
  }

  @Override
  public @Nullable TokenKeys current() {
    return keys.get();
  }

  @Override
  public void unknownKey() {
    // The next look comes soon enough.
  }

  @Override
  public void tick() {
    ticks++;
    if (ticks % TICKS == 0) {
      keys.poll();
    }
  }

  @Override
  public long failures() {
    return keys.failures();
  }

  @Override
  public void close() {
    // Holds nothing.
  }
}
