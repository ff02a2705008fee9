package dev.understudy.comparator.log;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Names of folders for rollout ids, whatever these consist of. */
public final class LogFolder {
  private static final int MAX_LENGTH = 200;
  private static final String PREFIX = "r-";

  private LogFolder() {}

  /**
   * The folder of a rollout: letters, digits, {@code -} and {@code _} as they are, every other byte
   * as {@code %} and two hexadecimal digits. Null when that is longer than 200 characters, or the
   * id is empty.
   */
  public static @Nullable String of(String rolloutId) {
    StringBuilder name = new StringBuilder(PREFIX);
    for (byte b : rolloutId.getBytes(StandardCharsets.UTF_8)) {
      char c = (char) (b & 0xff);
      boolean plain =
          (c >= 'a' && c <= 'z')
              || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')
              || c == '-'
              || c == '_';
      if (plain) {
        name.append(c);
      } else {
        name.append('%').append("%02X".formatted((int) c));
      }
      if (name.length() > MAX_LENGTH) {
        return null;
      }
    }
    return rolloutId.isEmpty() ? null : name.toString();
  }
}
