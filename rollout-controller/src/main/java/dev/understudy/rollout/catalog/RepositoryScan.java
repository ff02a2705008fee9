package dev.understudy.rollout.catalog;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.ConfigFile;
import dev.understudy.chassis.config.Section;
import dev.understudy.chassis.digest.VersionDigest;
import dev.understudy.proto.v1.CatalogVersion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Looks at {@code <repository>/<model>/<version>/} and says which versions are there.
 *
 * <p>A {@code card.yaml} beside the version directories carries what people say about them: keys at
 * the top hold for every version, those under {@code versions: {"2": {…}}} for one.
 */
public final class RepositoryScan {
  private static final Pattern VERSION = Pattern.compile("[1-9]\\d{0,17}");

  private RepositoryScan() {}

  /**
   * The versions of a model, lowest first.
   *
   * @throws ConfigException if a directory cannot be read or the card is wrong
   */
  public static List<CatalogVersion> scan(Path repository, String model, long nowMillis) {
    Path directory = repository.resolve(model);
    List<Path> versions;
    try (Stream<Path> entries = Files.list(directory)) {
      versions =
          entries
              .filter(Files::isDirectory)
              .filter(path -> VERSION.matcher(path.getFileName().toString()).matches())
              .sorted(Comparator.comparingLong(p -> Long.parseLong(p.getFileName().toString())))
              .toList();
    } catch (IOException | UncheckedIOException e) {
      throw new ConfigException(directory + ": cannot be listed (expected: version directories)");
    }
    Path card = directory.resolve("card.yaml");
    boolean hasCard = Files.isRegularFile(card);
    List<CatalogVersion> found = new ArrayList<>();
    for (Path version : versions) {
      String number = version.getFileName().toString();
      try {
        found.add(
            CatalogVersion.newBuilder()
                .setModel(model)
                .setVersion(number)
                .setDigest(VersionDigest.of(version))
                .setRegisteredUnixMs(nowMillis)
                .putAllCard(hasCard ? card(card, number) : Map.of())
                .build());
      } catch (IOException | UncheckedIOException e) {
        throw new ConfigException(version + ": cannot be read: " + e.getMessage());
      }
    }
    return found;
  }

  private static Map<String, String> card(Path file, String version) {
    return ConfigFile.read(
        file,
        root -> {
          Map<String, String> card = new TreeMap<>();
          for (String key : List.copyOf(root.keys())) {
            if (!key.equals("versions")) {
              card.put(key, root.string(key, ""));
            }
          }
          Section versions = root.section("versions");
          for (String number : List.copyOf(versions.keys())) {
            Map<String, String> own = versions.stringMap(number);
            if (number.equals(version)) {
              card.putAll(own);
            }
          }
          return card;
        });
  }
}
