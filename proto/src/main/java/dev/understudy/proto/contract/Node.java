package dev.understudy.proto.contract;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * One mapping of the parsed file with the path that leads to it. Problems are collected, not
 * thrown; a getter that found none returns null.
 */
final class Node {
  private final String path;
  private final Map<?, ?> values;
  private final List<String> problems;
  private final Set<String> known = new HashSet<>();

  private Node(String path, Map<?, ?> values, List<String> problems) {
    this.path = path;
    this.values = values;
    this.problems = problems;
  }

  static Node root(Map<?, ?> values, List<String> problems) {
    return new Node("", values, problems);
  }

  String path(String key) {
    return path.isEmpty() ? key : path + "." + key;
  }

  void problem(String key, String text) {
    problems.add(path(key) + ": " + text);
  }

  boolean has(String key) {
    known.add(key);
    return values.get(key) != null;
  }

  @Nullable String text(String key, boolean required) {
    Object value = value(key, required);
    if (value == null) {
      return null;
    }
    if (value instanceof String s && !s.isBlank()) {
      return s;
    }
    // A name that YAML reads as a number is still a name.
    if (value instanceof Number n) {
      return n.toString();
    }
    problem(key, shown(value) + " (expected: text)");
    return null;
  }

  @Nullable Double number(String key) {
    Object value = value(key, false);
    if (value == null) {
      return null;
    }
    if (value instanceof Number n && Double.isFinite(n.doubleValue())) {
      return n.doubleValue();
    }
    problem(key, shown(value) + " (expected: a finite number)");
    return null;
  }

  /** The value as the parser made it, or null. */
  @Nullable Object any(String key) {
    return value(key, false);
  }

  /** One of the texts, or null. */
  @Nullable String choice(String key, List<String> choices) {
    String text = text(key, false);
    if (text == null || choices.contains(text)) {
      return text;
    }
    problem(key, shown(text) + " (expected one of " + choices + ")");
    return null;
  }

  /** A whole number, or null. */
  @Nullable Integer within(String key, int least, int most) {
    Integer value = index(key, false);
    if (value != null && (value < least || value > most)) {
      problem(key, value + " (expected: " + least + " to " + most + ")");
      return null;
    }
    return value;
  }

  /** A time such as {@code 200ms}, {@code 10s}, {@code 5m}, {@code 2h}, {@code 1d}; or null. */
  @Nullable Long millis(String key) {
    String text = text(key, false);
    if (text == null) {
      return null;
    }
    int digits = 0;
    while (digits < text.length() && text.charAt(digits) >= '0' && text.charAt(digits) <= '9') {
      digits++;
    }
    long unit =
        switch (text.substring(digits)) {
          case "ms" -> 1;
          case "s" -> 1_000;
          case "m" -> 60_000;
          case "h" -> 3_600_000;
          case "d" -> 86_400_000;
          default -> 0;
        };
    if (unit == 0 || digits == 0 || digits > 9) {
      problem(key, shown(text) + " (expected: a duration such as 200ms, 10s, 5m, 2h, 1d)");
      return null;
    }
    return Long.parseLong(text.substring(0, digits)) * unit;
  }

  @Nullable Integer index(String key, boolean required) {
    Object value = value(key, required);
    if (value == null) {
      return null;
    }
    if ((value instanceof Integer || value instanceof Long)
        && ((Number) value).longValue() >= 0
        && ((Number) value).longValue() <= Integer.MAX_VALUE) {
      return ((Number) value).intValue();
    }
    problem(key, shown(value) + " (expected: an integer >= 0)");
    return null;
  }

  boolean flag(String key) {
    Object value = value(key, false);
    if (value == null || value instanceof Boolean) {
      return Boolean.TRUE.equals(value);
    }
    problem(key, shown(value) + " (expected: true or false)");
    return false;
  }

  @Nullable Node section(String key, boolean required) {
    Object value = value(key, required);
    if (value == null) {
      return null;
    }
    if (value instanceof Map<?, ?> map) {
      return new Node(path(key), map, problems);
    }
    problem(key, shown(value) + " (expected: a mapping)");
    return null;
  }

  List<Node> sections(String key) {
    List<Node> sections = new ArrayList<>();
    int i = 0;
    for (Object element : list(key)) {
      String name = key + "[" + i++ + "]";
      if (element instanceof Map<?, ?> map) {
        sections.add(new Node(path(name), map, problems));
      } else {
        problem(name, shown(element) + " (expected: a mapping)");
      }
    }
    return sections;
  }

  List<String> texts(String key) {
    List<String> texts = new ArrayList<>();
    int i = 0;
    for (Object element : list(key)) {
      if (element instanceof String || element instanceof Number) {
        texts.add(element.toString());
      } else {
        problem(key + "[" + i + "]", shown(element) + " (expected: text)");
      }
      i++;
    }
    return texts;
  }

  List<Double> numbers(String key) {
    List<Double> numbers = new ArrayList<>();
    int i = 0;
    for (Object element : list(key)) {
      if (element instanceof Number n && Double.isFinite(n.doubleValue())) {
        numbers.add(n.doubleValue());
      } else {
        problem(key + "[" + i + "]", shown(element) + " (expected: a finite number)");
      }
      i++;
    }
    return numbers;
  }

  /** To be called last: what was never asked for is a misspelling. */
  void refuseUnknownKeys() {
    for (Object key : values.keySet()) {
      if (!(key instanceof String s) || !known.contains(s)) {
        problem(String.valueOf(key), "unknown key (expected one of " + new TreeSet<>(known) + ")");
      }
    }
  }

  Collection<?> list(String key) {
    Object value = value(key, false);
    if (value == null) {
      return List.of();
    }
    if (value instanceof Collection<?> list) {
      return list;
    }
    problem(key, shown(value) + " (expected: a list)");
    return List.of();
  }

  private @Nullable Object value(String key, boolean required) {
    known.add(key);
    Object value = values.get(key);
    if (value == null && required) {
      problem(key, "missing");
    }
    return value;
  }

  static String shown(@Nullable Object value) {
    if (value instanceof Map) {
      return "a mapping";
    }
    if (value instanceof Collection) {
      return "a list";
    }
    String text = String.valueOf(value);
    return "'" + (text.length() > 60 ? text.substring(0, 60) + "…" : text) + "'";
  }
}
