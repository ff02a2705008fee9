package dev.understudy.proto.routing;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One mapping of a parsed file, whose scalars are texts. Problems are told, not thrown. */
final class Tree {
  private final String path;
  private final Map<?, ?> values;
  private final Consumer<String> problems;
  private final Set<String> known = new HashSet<>();

  private Tree(String path, Map<?, ?> values, Consumer<String> problems) {
    this.path = path;
    this.values = values;
    this.problems = problems;
  }

  /** The mapping at the top; null, and a problem, when it is something else. */
  static @Nullable Tree of(Object value, Consumer<String> problems) {
    if (value instanceof Map<?, ?> map) {
      return new Tree("", map, problems);
    }
    problems.accept(shown(value) + " (expected: a section)");
    return null;
  }

  /** The mappings of a list at the top. */
  static List<Tree> list(Object value, Consumer<String> problems) {
    return sections("", value, problems);
  }

  private static List<Tree> sections(String path, Object value, Consumer<String> problems) {
    List<Tree> sections = new ArrayList<>();
    if (!(value instanceof List<?> list)) {
      problems.accept(at(path) + shown(value) + " (expected: a list)");
      return sections;
    }
    for (int i = 0; i < list.size(); i++) {
      String where = path + "[" + i + "]";
      if (list.get(i) instanceof Map<?, ?> map) {
        sections.add(new Tree(where, map, problems));
      } else {
        problems.accept(where + ": " + shown(list.get(i)) + " (expected: a section)");
      }
    }
    return sections;
  }

  /** A text that must be there. */
  String text(String key) {
    Object value = value(key);
    if (value instanceof String text) {
      return text;
    }
    problem(key, value == null ? "missing" : shown(value) + " (expected: a text)");
    return "";
  }

  String text(String key, String fallback) {
    return value(key) == null ? fallback : text(key);
  }

  boolean flag(String key) {
    String text = text(key, "false");
    if (!text.equals("true") && !text.equals("false")) {
      problem(key, "'" + text + "' (expected: true or false)");
    }
    return text.equals("true");
  }

  /** A share as {@code 5%} or {@code 0.05}, in 1/10000. */
  int basisPoints(String key) {
    String text = text(key);
    if (text.isEmpty()) {
      return 0;
    }
    boolean percent = text.endsWith("%");
    try {
      double number =
          Double.parseDouble(percent ? text.substring(0, text.length() - 1).strip() : text);
      double share = percent ? number / 100 : number;
      if (share >= 0 && share <= 1) {
        return (int) Math.round(share * 10_000);
      }
    } catch (NumberFormatException e) {
      // Told below, like a number that is out of range.
    }
    problem(key, "'" + text + "' (expected: 0..1 or 0%..100%)");
    return 0;
  }

  List<String> texts(String key) {
    Object value = value(key);
    List<String> texts = new ArrayList<>();
    if (value == null) {
      return texts;
    }
    if (!(value instanceof List<?> list)) {
      problem(key, shown(value) + " (expected: a list)");
      return texts;
    }
    for (Object element : list) {
      if (element instanceof String text) {
        texts.add(text);
      } else {
        problem(key, shown(element) + " (expected: a text)");
      }
    }
    return texts;
  }

  List<Tree> sections(String key) {
    Object value = value(key);
    return value == null
        ? List.of()
        : sections(path.isEmpty() ? key : path + "." + key, value, problems);
  }

  /** To be called last: what was never asked for is a misspelling. */
  void refuseUnknownKeys() {
    for (Object key : values.keySet()) {
      if (!(key instanceof String text) || !known.contains(text)) {
        problem(String.valueOf(key), "unknown key (expected: one of " + new TreeSet<>(known) + ")");
      }
    }
  }

  private @Nullable Object value(String key) {
    known.add(key);
    return values.get(key);
  }

  private void problem(String key, String text) {
    problems.accept((path.isEmpty() ? key : path + "." + key) + ": " + text);
  }

  private static String at(String path) {
    return path.isEmpty() ? "" : path + ": ";
  }

  private static String shown(@Nullable Object value) {
    if (value instanceof Map) {
      return "is a section";
    }
    if (value instanceof List) {
      return "is a list";
    }
    String text = String.valueOf(value);
    return "'" + (text.length() > 60 ? text.substring(0, 60) + "…" : text) + "'";
  }
}
