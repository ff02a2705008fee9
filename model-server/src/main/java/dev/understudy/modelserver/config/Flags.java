package dev.understudy.modelserver.config;

import dev.understudy.chassis.config.ConfigException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A command line of flags with values, {@code --flag value} or {@code --flag=value}. Problems are
 * collected, so that all are reported at once. For one thread.
 */
final class Flags {
  private final Map<String, List<String>> values = new LinkedHashMap<>();
  private final List<String> problems = new ArrayList<>();

  private Flags() {}

  /**
   * Reads a command line.
   *
   * @param known the flags that take a value
   * @param switches the flags that take none
   * @param foreign flags that somebody may try, each with what to say about it
   */
  static Flags parse(
      List<String> words, Set<String> known, Set<String> switches, Map<String, String> foreign) {
    var flags = new Flags();
    for (int i = 0; i < words.size(); i++) {
      String word = words.get(i);
      int equals = word.indexOf('=');
      String name = equals < 0 ? word : word.substring(0, equals);
      if (switches.contains(word)) {
        continue;
      }
      if (!name.startsWith("--")) {
        flags.problem("unexpected word '" + word + "' (expected: --flag value)");
        continue;
      }
      boolean hasNext = i + 1 < words.size() && !words.get(i + 1).startsWith("--");
      String value = null;
      if (equals >= 0) {
        value = word.substring(equals + 1);
      } else if (hasNext) {
        value = words.get(++i);
      }
      if (foreign.containsKey(name)) {
        flags.problem(name + ": " + foreign.get(name));
      } else if (!known.contains(name)) {
        String near = nearest(name, known);
        flags.problem(
            "unknown flag "
                + name
                + (near == null ? "; --help lists all" : " (did you mean " + near + "?)"));
      } else if (value == null) {
        flags.problem(name + " lacks its value");
      } else {
        flags.values.computeIfAbsent(name, key -> new ArrayList<>()).add(value);
      }
    }
    return flags;
  }

  List<String> all(String name) {
    return values.getOrDefault(name, List.of());
  }

  @Nullable String last(String name) {
    List<String> given = all(name);
    return given.isEmpty() ? null : given.getLast();
  }

  String text(String name, String otherwise) {
    String given = last(name);
    return given == null ? otherwise : given;
  }

  int integer(String name, int otherwise, int least, int most) {
    String given = last(name);
    if (given == null) {
      return otherwise;
    }
    try {
      int value = Integer.parseInt(given);
      if (value >= least && value <= most) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Reported below, with the range.
    }
    problem(name + ": '" + given + "' (expected: " + least + ".." + most + ")");
    return otherwise;
  }

  boolean flag(String name, boolean otherwise) {
    return switch (last(name)) {
      case null -> otherwise;
      case "true", "True", "1", "on" -> true;
      case "false", "False", "0", "off" -> false;
      case String given -> {
        problem(name + ": '" + given + "' (expected: true or false)");
        yield otherwise;
      }
    };
  }

  void problem(String text) {
    problems.add(text);
  }

  void refuseProblems() {
    if (!problems.isEmpty()) {
      throw new ConfigException(problems);
    }
  }

  /** The known flag that needs the fewest edits, if it needs few. */
  static @Nullable String nearest(String typed, Set<String> known) {
    String best = null;
    int fewest = Math.max(2, typed.length() / 4) + 1;
    for (String flag : known) {
      int edits = edits(typed.replace('_', '-'), flag);
      if (edits < fewest) {
        best = flag;
        fewest = edits;
      }
    }
    return best;
  }

  /** Levenshtein's distance. */
  private static int edits(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j < row.length; j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j < row.length; j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }
}
