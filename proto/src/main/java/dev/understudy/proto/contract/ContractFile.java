package dev.understudy.proto.contract;

import com.google.protobuf.CodedOutputStream;
import dev.understudy.proto.v1.ComparedOutput;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
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
 *     - {name: amount, min: 0, max: 50000, action: clamp}
 *     - {name: age, min: 0, max: 120, missing: {value: -1, default: 40}, nan: refuse}
 *     - {name: merchant_category, kind: category, allowed: [1, 2, 3], trial: true}
 * rows: {max: 64}
 * eventTime: {parameter: ts, unit: ms, maxAge: 5m, maxAhead: 10s, action: flag}
 * decision: {output: probabilities, kind: probabilities, column: 1, cutoff: 0.15}
 * outputs:
 *   - {output: probabilities, topK: 3}
 *   - {output: explanation, kind: text}
 * slices:
 *   - {name: amount, column: amount, edges: [10, 100, 1000]}
 *   - {name: merchant_category, column: merchant_category, category: true}
 *   - {name: caller, principal: true}
 *   - {name: rows, batchSize: [2, 16]}
 * privacy:
 *   log: [amount]
 *   principal: clear
 * answers:
 *   outputs:
 *     - {output: probabilities, min: 0, max: 1, sumToOne: 0.001}
 *   confidence: {output: probabilities, below: 0.6, action: review}
 *   disagree: {above: 0.3, action: benchmark}
 *   benchmark: {wait: 20ms, timeout: 200ms}
 *   extraction: {round: 3, topK: 3, except: [analysts]}
 * }</pre>
 *
 * <p>{@code features} may also be a list of such mappings, one for each input; slices, privacy and
 * rows then speak of the first.
 *
 * <p>Unknown keys, wrong types, unknown columns, and edges out of order are all reported at once.
 * Without {@code privacy} the contract carries no privacy policy, and no feature leaves a router.
 */
public final class ContractFile {
  private static final List<String> KINDS =
      List.of("probabilities", "labels", "regression", "logits", "embeddings", "ranking", "text");
  private static final List<String> NUMBERS = List.of("regression", "logits");
  private static final int MOST_OUTPUTS = 64;
  private static final int MOST_TOP_K = 100;
  private static final int MOST_DEPTH = 10_000;

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
    Map<String, Integer> columns = FeatureRules.read(root, contract);
    decision(root.section("decision", false), contract);
    outputs(root, contract);
    slices(root.sections("slices"), columns, contract);
    privacy(root.section("privacy", false), columns, contract);
    FeatureRules.rows(root.section("rows", false), contract);
    FeatureRules.eventTime(root.section("eventTime", false), contract);
    AnswerRules.read(root.section("answers", false), contract);
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
    decision.setKind(kind(node, kind));
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

  private static OutputKind kind(Node node, @Nullable String kind) {
    if (kind == null) {
      return OutputKind.OUTPUT_KIND_UNSPECIFIED;
    }
    if (KINDS.contains(kind)) {
      return OutputKind.valueOf(kind.toUpperCase(Locale.ROOT));
    }
    node.problem("kind", "'" + kind + "' (expected one of " + KINDS + ")");
    return OutputKind.OUTPUT_KIND_UNSPECIFIED;
  }

  private static void outputs(Node root, DataContract.Builder contract) {
    TreeSet<String> names = new TreeSet<>();
    List<Node> nodes = root.sections("outputs");
    if (nodes.size() > MOST_OUTPUTS) {
      root.problem("outputs", nodes.size() + " (expected: at most " + MOST_OUTPUTS + ")");
    }
    for (Node node : nodes) {
      ComparedOutput.Builder output = ComparedOutput.newBuilder();
      String name = node.text("output", true);
      if (name != null) {
        output.setOutput(name);
        if (!names.add(name)) {
          node.problem("output", "'" + name + "' is declared twice");
        }
      }
      String kind = node.text("kind", false);
      output.setKind(kind(node, kind));
      Decision decision = contract.getDecision();
      if (decision.getOutput().equals(name)
          && decision.getKind() != OutputKind.OUTPUT_KIND_UNSPECIFIED
          && kind != null
          && output.getKind() != decision.getKind()) {
        node.problem("kind", "'" + kind + "', but decision.kind is another");
      }
      output.setAtol(tolerance(node, "atol")).setRtol(tolerance(node, "rtol"));
      output.setTopK(bounded(node, "topK", node.index("topK", false), MOST_TOP_K));
      output.setDepth(bounded(node, "depth", node.index("depth", false), MOST_DEPTH));
      if (kind != null) {
        refuse(node, kind, "atol", NUMBERS);
        refuse(node, kind, "rtol", NUMBERS);
        refuse(node, kind, "topK", List.of("probabilities"));
        refuse(node, kind, "depth", List.of("ranking"));
      }
      node.refuseUnknownKeys();
      contract.addOutputs(output);
    }
  }

  /** A key that would be without effect is a misunderstanding. */
  private static void refuse(Node node, String kind, String key, List<String> kinds) {
    if (node.has(key) && KINDS.contains(kind) && !kinds.contains(kind)) {
      node.problem(key, "has no meaning for " + kind + " (expected with one of " + kinds + ")");
    }
  }

  private static int bounded(Node node, String key, @Nullable Integer value, int most) {
    if (value == null) {
      return 0;
    }
    if (value < 1 || value > most) {
      node.problem(key, value + " (expected: 1 to " + most + ")");
      return 0;
    }
    return value;
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
      boolean principal = node.flag("principal");
      boolean batchSize = node.has("batchSize");
      if (principal && batchSize) {
        node.problem("batchSize", "expected either principal: true or batchSize");
      }
      rule.setPrincipal(principal).setBatchSize(batchSize);
      if (principal || batchSize) {
        for (String key : List.of("column", "edges", "category")) {
          if (node.has(key)) {
            node.problem(key, "has no meaning for a slice by principal or batchSize");
          }
        }
      } else {
        column(node, columns, rule);
      }
      List<Double> edges =
          batchSize
              ? ascending(node, "batchSize", node.numbers("batchSize"))
              : ascending(node, "edges", node.numbers("edges"));
      if (batchSize && edges.isEmpty()) {
        node.problem("batchSize", "expected: at least one number of rows");
      }
      boolean category = !principal && !batchSize && node.flag("category");
      if (!principal && !batchSize && category == !edges.isEmpty()) {
        node.problem("edges", "expected either edges or category: true");
      }
      rule.addAllEdges(edges).setCategory(category);
      node.refuseUnknownKeys();
      contract.addSlices(rule);
    }
  }

  private static void column(Node node, Map<String, Integer> columns, SliceRule.Builder rule) {
    String column = node.text("column", true);
    if (column == null) {
      return;
    }
    Integer index = columns.get(column);
    if (index == null) {
      node.problem("column", unknownColumn(column, columns));
    } else {
      rule.setColumn(index);
    }
  }

  private static List<Double> ascending(Node node, String key, List<Double> edges) {
    for (int i = 1; i < edges.size(); i++) {
      if (edges.get(i) <= edges.get(i - 1)) {
        node.problem(key, edges + " (expected: strictly ascending)");
        break;
      }
    }
    return edges;
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
    String principal = node.text("principal", false);
    if (principal != null && !principal.equals("clear") && !principal.equals("hashed")) {
      node.problem("principal", "'" + principal + "' (expected one of [clear, hashed])");
    }
    node.refuseUnknownKeys();
    contract.setPrivacy(
        PrivacyPolicy.newBuilder()
            .addAllClearColumns(clear)
            .setClearPrincipal("clear".equals(principal)));
  }

  private static String unknownColumn(String name, Map<String, Integer> columns) {
    return "'" + name + "' is not a feature (expected one of " + columns.keySet() + ")";
  }
}
