package dev.understudy.proto.contract;

import dev.understudy.proto.v1.ContractAction;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.EventTime;
import dev.understudy.proto.v1.Feature;
import dev.understudy.proto.v1.InputContract;
import dev.understudy.proto.v1.Missing;
import dev.understudy.proto.v1.RowLimits;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Reads what a contract file says of requests. What a file leaves out stays unset in the message,
 * so that an older file keeps its digest.
 */
final class FeatureRules {
  private static final List<String> ACTIONS = List.of("refuse", "clamp", "flag");
  private static final List<String> CALL_ACTIONS = List.of("refuse", "flag");
  private static final List<String> VALUE_ACTIONS = List.of("refuse", "flag", "allow");
  private static final int MOST_INPUTS = 64;
  private static final int MOST_ALLOWED = 10_000;

  private FeatureRules() {}

  /** Reads {@code features} and returns the columns of the first input. */
  static Map<String, Integer> read(Node root, DataContract.Builder contract) {
    Map<String, Integer> first = new LinkedHashMap<>();
    Set<String> names = new HashSet<>();
    if (!(root.any("features") instanceof java.util.Collection<?>)) {
      Node node = root.section("features", false);
      if (node != null) {
        String input = columns(node, names, first, contract);
        contract.setFeatureInput(input);
      }
      return first;
    }
    List<Node> nodes = root.sections("features");
    if (nodes.size() > MOST_INPUTS) {
      root.problem("features", nodes.size() + " (expected: at most " + MOST_INPUTS + ")");
    }
    Set<String> inputs = new HashSet<>();
    for (int i = 0; i < nodes.size(); i++) {
      Node node = nodes.get(i);
      DataContract.Builder part = DataContract.newBuilder();
      Map<String, Integer> columns = new LinkedHashMap<>();
      String input = columns(node, names, columns, part);
      if (!input.isEmpty() && !inputs.add(input)) {
        node.problem("input", "'" + input + "' is declared twice");
      }
      if (i == 0) {
        first.putAll(columns);
        contract.setFeatureInput(input).addAllFeatures(part.getFeaturesList());
      } else {
        contract.addInputs(
            InputContract.newBuilder().setInput(input).addAllFeatures(part.getFeaturesList()));
      }
    }
    return first;
  }

  private static String columns(
      Node node, Set<String> names, Map<String, Integer> columns, DataContract.Builder into) {
    String input = node.text("input", true);
    if (!node.has("columns")) {
      node.problem("columns", "missing");
    }
    for (Node column : node.sections("columns")) {
      into.addFeatures(feature(column, names, columns));
    }
    node.refuseUnknownKeys();
    return input == null ? "" : input;
  }

  private static Feature feature(Node column, Set<String> names, Map<String, Integer> columns) {
    Feature.Builder feature = Feature.newBuilder();
    String name = column.text("name", true);
    if (name != null) {
      feature.setName(name);
      columns.putIfAbsent(name, columns.size());
      if (!names.add(name)) {
        column.problem("name", "'" + name + "' is declared twice");
      }
    }
    Double min = column.number("min");
    Double max = column.number("max");
    if (min != null) {
      feature.setMin(min);
    }
    if (max != null) {
      feature.setMax(max);
    }
    if (min != null && max != null && min > max) {
      column.problem("min", min + " (expected: <= max, " + max + ")");
    }
    String kind = column.text("kind", false);
    if (kind != null && !kind.equals("category") && !kind.equals("number")) {
      column.problem("kind", "'" + kind + "' (expected one of [category, number])");
    }
    feature.setCategory("category".equals(kind));
    allowed(column, feature);
    boolean texts = feature.getAllowedTextCount() > 0;
    boolean ruled = min != null || max != null || feature.getAllowedCount() > 0;
    if (texts && ruled) {
      column.problem("allowed", "expected either texts or numbers with min and max");
    }
    feature.setAction(action(column, "action", ACTIONS, "refuse"));
    if (column.has("action") && !ruled && !texts) {
      column.problem("action", "has no meaning without min, max or allowed");
    }
    if (feature.getAction() == ContractAction.ACTION_CLAMP
        && (feature.getAllowedCount() > 0 || texts)) {
      column.problem("action", "'clamp' has no meaning for allowed (expected: refuse or flag)");
    }
    feature.setNan(action(column, "nan", VALUE_ACTIONS, ""));
    missing(column, feature);
    if (texts && (column.has("nan") || column.has("missing"))) {
      column.problem("allowed", "texts cannot be NaN or missing");
    }
    feature.setTrial(column.flag("trial"));
    column.refuseUnknownKeys();
    return feature.build();
  }

  private static void allowed(Node column, Feature.Builder feature) {
    if (!column.has("allowed")) {
      return;
    }
    TreeSet<Double> numbers = new TreeSet<>();
    TreeSet<String> texts = new TreeSet<>();
    int i = 0;
    for (Object value : column.list("allowed")) {
      if (value instanceof Number number && Double.isFinite(number.doubleValue())) {
        // -0 and 0 are the same number.
        numbers.add(number.doubleValue() + 0.0);
      } else if (value instanceof String text) {
        texts.add(text);
      } else {
        column.problem(
            "allowed[" + i + "]", Node.shown(value) + " (expected: a finite number or a text)");
      }
      i++;
    }
    if (i == 0 || i > MOST_ALLOWED) {
      column.problem("allowed", i + " values (expected: 1 to " + MOST_ALLOWED + ")");
    } else if (!numbers.isEmpty() && !texts.isEmpty()) {
      column.problem("allowed", "expected either numbers or texts, not both");
    }
    feature.addAllAllowed(numbers).addAllAllowedText(texts);
  }

  private static void missing(Node column, Feature.Builder feature) {
    Object value = column.any("missing");
    if (value == null) {
      return;
    }
    Missing.Builder missing = Missing.newBuilder();
    if (value instanceof Map<?, ?>) {
      Node node = column.section("missing", false);
      if (node == null) {
        return;
      }
      Object sentinel = node.any("value");
      if (sentinel == null) {
        node.problem("value", "missing");
      } else {
        sentinel(node, "value", sentinel, missing);
      }
      missing.setAction(action(node, "action", VALUE_ACTIONS, "allow"));
      Double fill = node.number("default");
      if (fill != null) {
        missing.setFill(fill);
        if (missing.getAction() == ContractAction.ACTION_REFUSE) {
          node.problem("default", "has no meaning where missing values are refused");
        }
      }
      node.refuseUnknownKeys();
    } else {
      sentinel(column, "missing", value, missing);
    }
    if (Double.isNaN(missing.getValue()) && column.has("nan")) {
      column.problem("nan", "has no meaning where NaN is what stands for a missing value");
    }
    feature.setMissing(missing);
  }

  private static void sentinel(Node node, String key, Object value, Missing.Builder missing) {
    if (value instanceof Number number && !Double.isInfinite(number.doubleValue())) {
      missing.setValue(number.doubleValue() + 0.0);
    } else if (value instanceof String text && text.equalsIgnoreCase("nan")) {
      missing.setValue(Double.NaN);
    } else {
      node.problem(key, Node.shown(value) + " (expected: a number or nan)");
    }
  }

  static void rows(@Nullable Node node, DataContract.Builder contract) {
    if (node == null) {
      return;
    }
    RowLimits.Builder rows = RowLimits.newBuilder();
    Integer min = node.index("min", false);
    Integer max = node.index("max", false);
    if (min != null) {
      rows.setMin(min);
    }
    if (max != null) {
      rows.setMax(max);
    }
    if (min == null && max == null) {
      node.problem("max", "expected: min, max or both");
    } else if (min != null && max != null && min > max) {
      node.problem("min", min + " (expected: <= max, " + max + ")");
    }
    if (contract.getFeatureInput().isEmpty()) {
      node.problem("max", "rows are those of the first input of features, and there is none");
    }
    rows.setAction(action(node, "action", CALL_ACTIONS, "refuse")).setTrial(node.flag("trial"));
    node.refuseUnknownKeys();
    contract.setRows(rows);
  }

  static void eventTime(@Nullable Node node, DataContract.Builder contract) {
    if (node == null) {
      return;
    }
    EventTime.Builder time = EventTime.newBuilder();
    String parameter = node.text("parameter", false);
    String column = node.text("column", false);
    if ((parameter == null) == (column == null)) {
      node.problem("parameter", "expected either parameter or column");
    }
    if (parameter != null) {
      time.setParameter(parameter);
    }
    if (column != null) {
      time.setColumn(column);
      boolean known =
          contract.getFeaturesList().stream().anyMatch(f -> f.getName().equals(column))
              || contract.getInputsList().stream()
                  .flatMap(input -> input.getFeaturesList().stream())
                  .anyMatch(f -> f.getName().equals(column));
      if (!known) {
        node.problem("column", "'" + column + "' is not a feature");
      }
    }
    time.setUnitMs("s".equals(node.choice("unit", List.of("ms", "s"))) ? 1_000 : 1);
    Long age = node.millis("maxAge");
    Long ahead = node.millis("maxAhead");
    if (age != null) {
      time.setMaxAgeMs(age);
    }
    if (ahead != null) {
      time.setMaxAheadMs(ahead);
    }
    if (age == null && ahead == null) {
      node.problem("maxAge", "expected: maxAge, maxAhead or both");
    }
    time.setAction(action(node, "action", CALL_ACTIONS, "refuse")).setTrial(node.flag("trial"));
    node.refuseUnknownKeys();
    contract.setEventTime(time);
  }

  /** The default is left unset, so that saying it changes no digest. */
  private static ContractAction action(
      Node node, String key, List<String> choices, String unspecified) {
    String text = node.choice(key, choices);
    if (text == null || text.equals(unspecified)) {
      return ContractAction.ACTION_UNSPECIFIED;
    }
    return switch (text) {
      case "refuse" -> ContractAction.ACTION_REFUSE;
      case "clamp" -> ContractAction.ACTION_CLAMP;
      case "flag" -> ContractAction.ACTION_FLAG;
      default -> ContractAction.ACTION_ALLOW;
    };
  }
}
