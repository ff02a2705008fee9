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

  private Collection<?> list(String key) {
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

  private static String shown(@Nullable Object value) {
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
