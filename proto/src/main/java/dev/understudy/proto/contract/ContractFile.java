package dev.understudy.proto.contract;

import com.google.protobuf.CodedOutputStream;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.Feature;
import dev.understudy.proto.v1.OutputKind;
import dev.understudy.proto.v1.PrivacyPolicy;
import dev.understudy.proto.v1.SliceRule;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The one reader of contract files. It takes the tree that a YAML or JSON parser made of the file
 * (maps, lists, strings, numbers, booleans), so that whoever parses text shares the meaning:
 *
 * <pre>{@code
 * contract: fraud-detector/1
 * features:
 *   input: features
 *   columns:
 *     - {name: amount, min: 0, max: 50000}
 *     - {name: merchant_category, kind: category}
 * decision: {output: probabilities, kind: probabilities, column: 1, cutoff: 0.15}
 * slices:
 *   - {name: amount, column: amount, edges: [10, 100, 1000]}
 *   - {name: merchant_category, column: merchant_category, category: true}
 * privacy:
 *   log: [amount]
 * }</pre>
 *
 * <p>Unknown keys, wrong types, unknown columns, and edges out of order are all reported at once.
 * Without {@code privacy.log} the contract carries no privacy policy, and no feature leaves a
 * router.
 */
public final class ContractFile {
  private static final List<String> KINDS =
      List.of("probabilities", "labels", "regression", "embeddings");

  private ContractFile() {}

  /**
   * Reads one contract.
   *
   * @param file how the file is called in error texts
   * @param tree the parsed file
   * @return the contract with its digest: the SHA-256, in hex, of its serialized form without
   *     digest
   * @throws ContractException with every problem found
   */
  public static DataContract parse(String file, Map<?, ?> tree) {
    List<String> problems = new ArrayList<>();
    Node root = Node.root(tree, problems);
    DataContract.Builder contract = DataContract.newBuilder();
    String name = root.text("contract", true);
    if (name != null) {
      contract.setName(name);
    }
    Map<String, Integer> columns = features(root.section("features", false), contract);
    decision(root.section("decision", false), contract);
    slices(root.sections("slices"), columns, contract);
    privacy(root.section("privacy", false), columns, contract);
    root.refuseUnknownKeys();
    if (!problems.isEmpty()) {
      throw new ContractException(file, problems);
    }
    return contract.setDigest(digest(contract.build())).build();
  }

  /**
   * The digest by which a contract is known.
   *
   * @param contract any contract; its own digest field is not part of the sum
   * @return 64 hexadecimal digits, the same on every machine
   */
  public static String digest(DataContract contract) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      CodedOutputStream out = CodedOutputStream.newInstance(bytes);
      out.useDeterministicSerialization();
      contract.toBuilder().clearDigest().build().writeTo(out);
      out.flush();
      return HexFormat.of()
          .formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.toByteArray()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  private static Map<String, Integer> features(@Nullable Node node, DataContract.Builder contract) {
    Map<String, Integer> columns = new LinkedHashMap<>();
    if (node == null) {
      return columns;
    }
    String input = node.text("input", true);
    if (input != null) {
      contract.setFeatureInput(input);
    }
    if (!node.has("columns")) {
      node.problem("columns", "missing");
    }
    for (Node column : node.sections("columns")) {
      Feature.Builder feature = Feature.newBuilder();
      String name = column.text("name", true);
      if (name != null) {
        feature.setName(name);
        if (columns.putIfAbsent(name, columns.size()) != null) {
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
      column.refuseUnknownKeys();
      contract.addFeatures(feature);
    }
    node.refuseUnknownKeys();
    return columns;
  }

  private static void decision(@Nullable Node node, DataContract.Builder contract) {
    if (node == null) {
      return;
    }
    Decision.Builder decision = Decision.newBuilder();
    String output = node.text("output", true);
    if (output != null) {
      decision.setOutput(output);
    }
    String kind = node.text("kind", true);
    if (kind != null) {
      if (KINDS.contains(kind)) {
        decision.setKind(OutputKind.valueOf(kind.toUpperCase(Locale.ROOT)));
      } else {
        node.problem("kind", "'" + kind + "' (expected one of " + KINDS + ")");
      }
    }
    // A guess would read the negative class of a two-column output without anybody noticing.
    Integer column = node.index("column", "probabilities".equals(kind));
    if (column != null) {
      decision.setColumn(column);
    }
    Double cutoff = node.number("cutoff");
    if (cutoff != null) {
      decision.setCutoff(cutoff);
    }
    decision.setAtol(tolerance(node, "atol")).setRtol(tolerance(node, "rtol"));
    node.refuseUnknownKeys();
    contract.setDecision(decision);
  }

  private static double tolerance(Node node, String key) {
    Double value = node.number(key);
    if (value == null) {
      return 0;
    }
    if (value < 0) {
      node.problem(key, value + " (expected: >= 0)");
      return 0;
    }
    return value;
  }

  private static void slices(
      List<Node> nodes, Map<String, Integer> columns, DataContract.Builder contract) {
    TreeSet<String> names = new TreeSet<>();
    for (Node node : nodes) {
      SliceRule.Builder rule = SliceRule.newBuilder();
      String name = node.text("name", true);
      if (name != null) {
        rule.setName(name);
        if (!names.add(name)) {
          node.problem("name", "'" + name + "' is declared twice");
        }
      }
      String column = node.text("column", true);
      if (column != null) {
        Integer index = columns.get(column);
        if (index == null) {
          node.problem("column", unknownColumn(column, columns));
        } else {
          rule.setColumn(index);
        }
      }
      List<Double> edges = node.numbers("edges");
      for (int i = 1; i < edges.size(); i++) {
        if (edges.get(i) <= edges.get(i - 1)) {
          node.problem("edges", edges + " (expected: strictly ascending)");
          break;
        }
      }
      boolean category = node.flag("category");
      if (category == !edges.isEmpty()) {
        node.problem("edges", "expected either edges or category: true");
      }
      rule.addAllEdges(edges).setCategory(category);
      node.refuseUnknownKeys();
      contract.addSlices(rule);
    }
  }

  private static void privacy(
      @Nullable Node node, Map<String, Integer> columns, DataContract.Builder contract) {
    if (node == null) {
      return;
    }
    TreeSet<Integer> clear = new TreeSet<>();
    for (String name : node.texts("log")) {
      Integer index = columns.get(name);
      if (index == null) {
        node.problem("log", unknownColumn(name, columns));
      } else {
        clear.add(index);
      }
    }
    node.refuseUnknownKeys();
    contract.setPrivacy(PrivacyPolicy.newBuilder().addAllClearColumns(clear));
  }

  private static String unknownColumn(String name, Map<String, Integer> columns) {
    return "'" + name + "' is not a feature (expected one of " + columns.keySet() + ")";
  }
}
