package dev.understudy.k8s;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** Reads YAML into maps, lists and scalars; a key that stands twice is refused. */
final class Yaml {
  private Yaml() {}

  static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The documents of a file; empty ones are left out. */
  static List<Map<String, Object>> documents(Path file) {
    return documents(file.toString(), text(file));
  }

  static List<Map<String, Object>> documents(String name, String text) {
    var settings = LoadSettings.builder().setLabel(name).setAllowDuplicateKeys(false).build();
    List<Map<String, Object>> documents = new ArrayList<>();
    for (Object document : new Load(settings).loadAllFromString(text)) {
      if (document != null) {
        documents.add(map(document));
      }
    }
    return documents;
  }

  /** A tree of one's own, so that it can be changed. */
  static @Nullable Object copy(@Nullable Object tree) {
    return switch (tree) {
      case Map<?, ?> map -> {
        Map<String, @Nullable Object> copy = new LinkedHashMap<>();
        map.forEach((key, value) -> copy.put(String.valueOf(key), copy(value)));
        yield copy;
      }
      case List<?> list -> {
        List<@Nullable Object> copy = new ArrayList<>();
        list.forEach(value -> copy.add(copy(value)));
        yield copy;
      }
      case null, default -> tree;
    };
  }

  /** The value as a map. */
  @SuppressWarnings("unchecked") // the loader makes maps with keys of strings for our files
  static Map<String, Object> map(@Nullable Object value) {
    if (value instanceof Map<?, ?> map) {
      return (Map<String, Object>) map;
    }
    throw new IllegalArgumentException(value + " (expected: a map)");
  }

  /** The value as a list; nothing is an empty one. */
  @SuppressWarnings("unchecked") // lists of the loader hold anything
  static List<Object> list(@Nullable Object value) {
    return switch (value) {
      case null -> List.of();
      case List<?> list -> (List<Object>) list;
      default -> throw new IllegalArgumentException(value + " (expected: a list)");
    };
  }

  /** Follows keys of maps and indexes of lists. */
  static @Nullable Object at(Object tree, Object... path) {
    Object here = tree;
    for (Object step : path) {
      here = step instanceof Integer index ? list(here).get(index) : map(here).get((String) step);
      if (here == null) {
        return null;
      }
    }
    return here;
  }
}
