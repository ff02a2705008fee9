package dev.understudy.chassis.config;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/**
 * One mapping of a configuration file. Each method reads one key and, if its value is wrong,
 * remembers the problem and returns the default or a harmless stand-in, so that reading goes on and
 * all problems are reported together. A key with an empty value ({@code key:}) counts as absent. A
 * key that was never asked for is an unknown key, which is a problem too.
 *
 * <p>For one thread, and only while the reader function of {@link ConfigFile} runs.
 */
public final class Section {
  private record Entry(int line, Node value) {}

  /** A scalar's text, and where it stands: the file by default, else an environment variable. */
  private record Scalar(String text, int line, @Nullable String variable) {}

  private final Problems problems;
  private final String path;
  private final @Nullable String variablePrefix;
  private final int line;
  private final Map<String, Entry> entries;
  private final Set<String> asked = new LinkedHashSet<>();
  private final Set<String> retired = new LinkedHashSet<>();

  private Section(
      Problems problems,
      String path,
      @Nullable String variablePrefix,
      int line,
      @Nullable MappingNode node) {
    this.problems = problems;
    this.path = path;
    this.variablePrefix = variablePrefix;
    this.line = line;
    this.entries = entriesOf(problems, path, node);
  }

  static Section root(Problems problems, @Nullable MappingNode node) {
    return open(problems, "", "UNDERSTUDY", 1, node);
  }

  private static Section open(
      Problems problems,
      String path,
      @Nullable String variablePrefix,
      int line,
      @Nullable MappingNode node) {
    var section = new Section(problems, path, variablePrefix, line, node);
    problems.opened(section);
    return section;
  }

  private static Map<String, Entry> entriesOf(
      Problems problems, String path, @Nullable MappingNode node) {
    Map<String, Entry> entries = new LinkedHashMap<>();
    if (node == null) {
      return entries;
    }
    for (NodeTuple tuple : node.getValue()) {
      int line = lineOf(tuple.getKeyNode());
      if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
        problems.add(line, dotted(path, "?") + ": a key is not a scalar (expected: a name)");
        continue;
      }
      Entry before = entries.putIfAbsent(key.getValue(), new Entry(line, tuple.getValueNode()));
      if (before != null) {
        problems.add(
            line,
            dotted(path, key.getValue()) + ": stands twice (first on line " + before.line + ")");
      }
    }
    return entries;
  }

  // Text.

  /** A text that must be there and not be empty. */
  public String string(String key) {
    String text = optionalString(key);
    if (text == null) {
      missing(key, "a text");
      return "";
    }
    if (text.isEmpty()) {
      problem(key, "is empty (expected: a text)");
    }
    return text;
  }

  /** A text with a default. */
  public String string(String key, String fallback) {
    String text = optionalString(key);
    return text == null ? fallback : text;
  }

  /** A text or null. */
  public @Nullable String optionalString(String key) {
    Scalar scalar = scalar(key);
    return scalar == null ? null : scalar.text;
  }

  // Numbers.

  /** A whole number within bounds, both included. */
  public int integer(String key, int fallback, int min, int max) {
    return (int) longInteger(key, fallback, min, max);
  }

  /** A whole number within bounds that must be there. */
  public int requiredInteger(String key, int min, int max) {
    if (!has(key)) {
      missing(key, min + ".." + max);
      return min;
    }
    return integer(key, min, min, max);
  }

  /** A whole number of 64 bits within bounds, both included. */
  public long longInteger(String key, long fallback, long min, long max) {
    return read(key, fallback, min + ".." + max, text -> Scalars.integer(text, min, max));
  }

  /** A finite number within bounds, both included. */
  public double real(String key, double fallback, double min, double max) {
    return read(
        key, fallback, "a number in " + min + ".." + max, text -> Scalars.real(text, min, max));
  }

  /** A share of one: {@code 0.05} or {@code 5%}. */
  public double ratio(String key, double fallback) {
    return read(key, fallback, "0..1 or 0%..100%", Scalars::ratio);
  }

  /** A list of finite numbers; empty if absent. */
  public List<Double> reals(String key) {
    List<Double> values = new ArrayList<>();
    for (String text : strings(key)) {
      Double value = Scalars.finite(text);
      if (value == null) {
        problem(key, "'" + text + "' (expected: a list of numbers)");
      } else {
        values.add(value);
      }
    }
    return List.copyOf(values);
  }

  /** {@code true} or {@code false}. */
  public boolean flag(String key, boolean fallback) {
    return read(key, fallback, "true or false", Scalars::flag);
  }

  // Quantities.

  /** A duration such as {@code 250ms}, never negative. */
  public Duration duration(String key, Duration fallback) {
    return read(key, fallback, Units.DURATION_EXPECTED, Units::duration);
  }

  /** A number of bytes such as {@code 64MiB}. */
  public long bytes(String key, long fallback) {
    return read(key, fallback, Units.BYTES_EXPECTED, Units::bytes);
  }

  // Choices and places.

  /** One constant of an enum, written {@code like-this} or {@code LIKE_THIS}. */
  public <E extends Enum<E>> E choice(String key, Class<E> type, E fallback) {
    return read(
        key, fallback, "one of " + Scalars.names(type), text -> Scalars.constant(text, type));
  }

  /** A host and port such as {@code 127.0.0.1:8001}. */
  public HostPort address(String key, HostPort fallback) {
    return read(key, fallback, "host:port or [ipv6]:port, such as 127.0.0.1:8001", HostPort::parse);
  }

  /** A host and port, or null. */
  public @Nullable HostPort optionalAddress(String key) {
    return has(key) ? address(key, HostPort.loopback(0)) : null;
  }

  /** A path that must be there; a relative one starts at the configuration file's folder. */
  public Path path(String key) {
    Path found = optionalPath(key);
    if (found == null) {
      missing(key, "a path");
      return Path.of("missing");
    }
    return found;
  }

  /** A path or null. */
  public @Nullable Path optionalPath(String key) {
    String text = optionalString(key);
    if (text == null) {
      return null;
    }
    try {
      return problems.resolve(text);
    } catch (InvalidPathException e) {
      problem(key, "'" + text + "' (expected: a path): " + e.getReason());
      return Path.of("missing");
    }
  }

  // Collections.

  /** A list of texts; empty if absent. */
  public List<String> strings(String key) {
    Entry entry = entry(key);
    if (entry == null) {
      return List.of();
    }
    if (!(entry.value instanceof SequenceNode sequence)) {
      problems.add(entry.line, dotted(path, key) + ": is no list (expected: [a, b])");
      return List.of();
    }
    List<String> texts = new ArrayList<>();
    for (Node item : sequence.getValue()) {
      if (item instanceof ScalarNode scalar && !scalar.getTag().equals(Tag.NULL)) {
        String expanded = expand(key, scalar.getValue(), lineOf(item));
        texts.add(expanded == null ? "" : expanded);
      } else {
        problems.add(lineOf(item), dotted(path, key) + ": an item is no scalar (expected: a text)");
      }
    }
    return List.copyOf(texts);
  }

  /** A mapping of names to texts in the order of the file; empty if absent. */
  public Map<String, String> stringMap(String key) {
    Section section = section(key);
    Map<String, String> texts = new LinkedHashMap<>();
    for (String name : List.copyOf(section.entries.keySet())) {
      texts.put(name, section.string(name, ""));
    }
    return texts;
  }

  /** A nested section; an empty one if absent. */
  public Section section(String key) {
    Entry entry = entry(key);
    String prefix = variablePrefix == null ? null : variable(key);
    if (entry == null) {
      return open(problems, dotted(path, key), prefix, line, null);
    }
    return open(
        problems, dotted(path, key), prefix, entry.line, mapping(key, entry.line, entry.value));
  }

  /** A list of sections; empty if absent. The environment does not reach into lists. */
  public List<Section> sections(String key) {
    Entry entry = entry(key);
    if (entry == null) {
      return List.of();
    }
    if (!(entry.value instanceof SequenceNode sequence)) {
      problems.add(entry.line, dotted(path, key) + ": is no list (expected: - key: value)");
      return List.of();
    }
    List<Section> sections = new ArrayList<>();
    for (Node item : sequence.getValue()) {
      String name = key + "[" + sections.size() + "]";
      sections.add(
          open(
              problems, dotted(path, name), null, lineOf(item), mapping(name, lineOf(item), item)));
    }
    return List.copyOf(sections);
  }

  /** A mapping of names, which the user chooses, to sections, in the order of the file. */
  public Map<String, Section> namedSections(String key) {
    Section outer = section(key);
    Map<String, Section> sections = new LinkedHashMap<>();
    for (String name : List.copyOf(outer.entries.keySet())) {
      sections.put(name, outer.section(name));
    }
    return sections;
  }

  /**
   * A key's whole value, for a reader that knows the keys in it: maps in the order of the file,
   * lists, and every scalar as its text; null if absent. The environment does not reach into it.
   */
  public @Nullable Object tree(String key) {
    Entry entry = entry(key);
    return entry == null ? null : tree(key, entry.value);
  }

  private @Nullable Object tree(String key, Node node) {
    return switch (node) {
      case MappingNode mapping -> {
        Map<String, Object> map = new LinkedHashMap<>();
        entriesOf(problems, dotted(path, key), mapping)
            .forEach((name, entry) -> {
              Object value = tree(key, entry.value);
              if (value != null) {
                map.put(name, value);
              }
            });
        yield map;
      }
      case SequenceNode sequence -> {
        List<@Nullable Object> list = new ArrayList<>();
        sequence.getValue().forEach(item -> list.add(tree(key, item)));
        yield list;
      }
      case ScalarNode scalar when !scalar.getTag().equals(Tag.NULL) ->
          expand(key, scalar.getValue(), lineOf(scalar));
      default -> null;
    };
  }

  // The section itself.

  /** Whether a key has a value, in the file or in the environment. */
  public boolean has(String key) {
    return override(key) != null || entry(key) != null;
  }

  /** Whether a key has a single value rather than a list or a section; for keys that take both. */
  public boolean isScalar(String key) {
    Entry entry = entry(key);
    return override(key) != null || (entry != null && entry.value instanceof ScalarNode);
  }

  /** Whether a key has a list rather than a single value or a section; for keys that take both. */
  public boolean isList(String key) {
    Entry entry = entry(key);
    return entry != null && entry.value instanceof SequenceNode;
  }

  /** The keys that the file has here, in its order. Looking at them does not make them known. */
  public Set<String> keys() {
    return Collections.unmodifiableSet(entries.keySet());
  }

  /** Where this section stands: {@code server.grpc}; empty for the whole file. */
  public String path() {
    return path;
  }

  /** The line of this section, counted from 1. */
  public int line() {
    return line;
  }

  /** The line of a key, or of this section if the key is absent. */
  public int line(String key) {
    Entry entry = entries.get(key);
    return entry == null ? line : entry.line;
  }

  /**
   * Reports a problem of the caller's own, at the line of the key.
   *
   * @param text carries the value and the expectation
   */
  public void problem(String key, String text) {
    problems.add(line(key), dotted(path, key) + ": " + text);
  }

  /** Refuses a key that earlier releases knew. */
  public void retired(String key, String advice) {
    retired.add(key);
    if (entries.containsKey(key)) {
      problem(key, "is no longer supported: " + advice);
    }
  }

  void reportUnknownKeys() {
    for (var entry : entries.entrySet()) {
      String key = entry.getKey();
      if (!asked.contains(key) && !retired.contains(key)) {
        String near = Suggestion.nearest(key, asked);
        String hint =
            near != null
                ? " (did you mean '" + near + "'?)"
                : asked.isEmpty() ? "" : " (expected: one of " + String.join(", ", asked) + ")";
        problems.add(entry.getValue().line, dotted(path, key) + ": unknown key" + hint);
      }
    }
  }

  // Reading one value.

  private <T> T read(
      String key, T fallback, String expected, Function<String, @Nullable T> parser) {
    Scalar scalar = scalar(key);
    if (scalar == null) {
      return fallback;
    }
    T value;
    try {
      value = parser.apply(scalar.text.strip());
    } catch (IllegalArgumentException | ArithmeticException malformed) {
      value = null;
    }
    if (value == null) {
      String source = scalar.variable == null ? "" : " from " + scalar.variable;
      problems.add(
          scalar.line,
          dotted(path, key) + ": '" + scalar.text + "'" + source + " (expected: " + expected + ")");
      return fallback;
    }
    return value;
  }

  private @Nullable Scalar scalar(String key) {
    String override = override(key);
    Entry entry = entry(key);
    if (override != null) {
      return new Scalar(override, line(key), variable(key));
    }
    if (entry == null) {
      return null;
    }
    if (!(entry.value instanceof ScalarNode scalar)) {
      problems.add(entry.line, dotted(path, key) + ": is no scalar (expected: a single value)");
      return null;
    }
    String text = expand(key, scalar.getValue(), entry.line);
    return text == null ? null : new Scalar(text, entry.line, null);
  }

  private @Nullable Entry entry(String key) {
    asked.add(key);
    Entry entry = entries.get(key);
    return entry == null || entry.value.getTag().equals(Tag.NULL) ? null : entry;
  }

  private @Nullable String override(String key) {
    asked.add(key);
    return variablePrefix == null ? null : problems.variable(variable(key));
  }

  private String variable(String key) {
    return variablePrefix
        + "_"
        + String.join("_", ConfigFile.environmentWords(key)).toUpperCase(Locale.ROOT);
  }

  private @Nullable String expand(String key, String text, int at) {
    return Expansion.expand(
        text, problems::variable, problem -> problems.add(at, dotted(path, key) + ": " + problem));
  }

  private @Nullable MappingNode mapping(String key, int at, Node node) {
    if (node instanceof MappingNode mapping) {
      return mapping;
    }
    if (!node.getTag().equals(Tag.NULL)) {
      problems.add(at, dotted(path, key) + ": is no section (expected: key: value)");
    }
    return null;
  }

  private void missing(String key, String expected) {
    String advice = variablePrefix == null ? "" : ", or set " + variable(key);
    problems.add(line, dotted(path, key) + ": is missing (expected: " + expected + advice + ")");
  }

  private static String dotted(String path, String key) {
    return path.isEmpty() ? key : path + "." + key;
  }

  private static int lineOf(Node node) {
    return node.getStartMark().map(mark -> mark.getLine() + 1).orElse(1);
  }
}
