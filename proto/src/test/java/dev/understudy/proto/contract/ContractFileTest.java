package dev.understudy.proto.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.OutputKind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ContractFileTest {
  private static Map<String, Object> whole() {
    Map<String, Object> tree = new HashMap<>();
    tree.put("contract", "fraud/1");
    tree.put(
        "features",
        Map.of(
            "input",
            "features",
            "columns",
            List.of(
                Map.of("name", "amount", "min", 0, "max", 50000.0),
                Map.of("name", "mcc", "kind", "category"))));
    tree.put(
        "decision",
        Map.of("output", "p", "kind", "probabilities", "column", 1, "cutoff", 0.15, "atol", 1e-6));
    tree.put(
        "slices",
        List.of(
            Map.of("name", "size", "column", "amount", "edges", List.of(10, 100, 1000)),
            Map.of("name", "mcc", "column", "mcc", "category", true)));
    tree.put("privacy", Map.of("log", List.of("mcc")));
    return tree;
  }

  @Test
  void everyKeyReachesTheMessage() {
    DataContract c = ContractFile.parse("contract.yaml", whole());
    assertEquals("fraud/1", c.getName());
    assertEquals("features", c.getFeatureInput());
    assertEquals(2, c.getFeaturesCount());
    assertEquals(50000.0, c.getFeatures(0).getMax());
    assertTrue(c.getFeatures(0).hasMin());
    assertFalse(c.getFeatures(1).hasMin());
    assertTrue(c.getFeatures(1).getCategory());
    assertEquals(OutputKind.PROBABILITIES, c.getDecision().getKind());
    assertEquals(1, c.getDecision().getColumn());
    assertEquals(0.15, c.getDecision().getCutoff());
    assertEquals(1e-6, c.getDecision().getAtol());
    assertEquals(List.of(10.0, 100.0, 1000.0), c.getSlices(0).getEdgesList());
    assertEquals(1, c.getSlices(1).getColumn());
    assertEquals(List.of(1), c.getPrivacy().getClearColumnsList());
    assertEquals(64, c.getDigest().length());
    assertEquals(ContractFile.digest(c), c.getDigest());
  }

  @Test
  void theDigestFollowsTheMeaningNotTheOrderOfKeys() {
    String digest = ContractFile.parse("a", whole()).getDigest();
    assertEquals(digest, ContractFile.parse("b", new HashMap<>(whole())).getDigest());
    Map<String, Object> other = whole();
    other.put("privacy", Map.of("log", List.of("amount")));
    assertNotEquals(digest, ContractFile.parse("a", other).getDigest());
  }

  @Test
  void withoutPrivacyThereIsNoPolicy() {
    Map<String, Object> tree = whole();
    tree.remove("privacy");
    assertFalse(ContractFile.parse("a", tree).hasPrivacy());
  }

  @Test
  void allProblemsAreReportedAtOnceWithTheirPaths() {
    Map<String, Object> tree = whole();
    tree.remove("contract");
    tree.put("typo", 1);
    tree.put("privacy", Map.of("log", List.of("iban")));
    tree.put("slices", List.of(Map.of("name", "s", "column", "amount", "edges", List.of(3, 2))));
    tree.put("decision", Map.of("output", "p", "kind", "probability"));
    ContractException e =
        assertThrows(ContractException.class, () -> ContractFile.parse("c.yaml", tree));
    assertEquals(
        List.of(
            "contract: missing",
            "decision.kind: 'probability' (expected one of [probabilities, labels, regression,"
                + " logits, embeddings, ranking, text])",
            "slices[0].edges: [3.0, 2.0] (expected: strictly ascending)",
            "privacy.log: 'iban' is not a feature (expected one of [amount, mcc])",
            "typo: unknown key (expected one of [answers, contract, decision, eventTime, features,"
                + " outputs, privacy, rows, slices])"),
        e.problems());
    assertTrue(e.toString().contains("c.yaml: contract: missing; "), e.toString());
  }

  @Test
  void theColumnOfAProbabilityIsNeverGuessed() {
    Map<String, Object> tree = whole();
    tree.put("decision", Map.of("output", "p", "kind", "probabilities"));
    ContractException e =
        assertThrows(ContractException.class, () -> ContractFile.parse("c", tree));
    assertEquals(List.of("decision.column: missing"), e.problems());
  }

  @Test
  void aSliceIsEitherByEdgesOrByCategory() {
    for (Map<String, Object> slice :
        List.of(
            Map.<String, Object>of("name", "s", "column", "mcc"),
            Map.<String, Object>of(
                "name", "s", "column", "mcc", "edges", List.of(1), "category", true))) {
      Map<String, Object> tree = whole();
      tree.put("slices", List.of(slice));
      ContractException e =
          assertThrows(ContractException.class, () -> ContractFile.parse("c", tree));
      assertEquals(
          List.of("slices[0].edges: expected either edges or category: true"), e.problems());
    }
  }

  @Test
  void everyOutputMayBeComparedInItsOwnWay() {
    Map<String, Object> tree = whole();
    tree.put(
        "outputs",
        List.of(
            Map.of("output", "p", "topK", 3),
            Map.of("output", "y", "kind", "logits", "atol", 0.5, "rtol", 0.25),
            Map.of("output", "items", "kind", "ranking", "depth", 20),
            Map.of("output", "answer", "kind", "text")));
    DataContract c = ContractFile.parse("a", tree);
    assertEquals(
        List.of(
            OutputKind.OUTPUT_KIND_UNSPECIFIED,
            OutputKind.LOGITS,
            OutputKind.RANKING,
            OutputKind.TEXT),
        c.getOutputsList().stream().map(o -> o.getKind()).toList());
    assertEquals(3, c.getOutputs(0).getTopK());
    assertEquals(0.5, c.getOutputs(1).getAtol());
    assertEquals(0.25, c.getOutputs(1).getRtol());
    assertEquals(20, c.getOutputs(2).getDepth());
    assertEquals("answer", c.getOutputs(3).getOutput());
  }

  @Test
  void whatHasNoMeaningForAnOutputIsRefused() {
    Map<String, Object> tree = whole();
    tree.put(
        "outputs",
        List.of(
            Map.of("output", "p", "kind", "labels", "atol", 1),
            Map.of("output", "p", "depth", 0),
            Map.of("output", "q", "kind", "text", "topK", 101, "k", 5)));
    ContractException e =
        assertThrows(ContractException.class, () -> ContractFile.parse("c", tree));
    assertEquals(
        List.of(
            "outputs[0].kind: 'labels', but decision.kind is another",
            "outputs[0].atol: has no meaning for labels (expected with one of [regression,"
                + " logits])",
            "outputs[1].output: 'p' is declared twice",
            "outputs[1].depth: 0 (expected: 1 to 10000)",
            "outputs[2].topK: 101 (expected: 1 to 100)",
            "outputs[2].topK: has no meaning for text (expected with one of [probabilities])",
            "outputs[2].k: unknown key (expected one of [atol, depth, kind, output, rtol, topK])"),
        e.problems());
  }

  @Test
  void slicesMayGoByCallerAndByNumberOfRows() {
    Map<String, Object> tree = whole();
    tree.put(
        "slices",
        List.of(
            Map.of("name", "caller", "principal", true),
            Map.of("name", "rows", "batchSize", List.of(1, 8))));
    tree.put("privacy", Map.of("principal", "clear"));
    DataContract c = ContractFile.parse("a", tree);
    assertTrue(c.getSlices(0).getPrincipal());
    assertFalse(c.getSlices(0).getBatchSize());
    assertTrue(c.getSlices(1).getBatchSize());
    assertEquals(List.of(1.0, 8.0), c.getSlices(1).getEdgesList());
    assertTrue(c.getPrivacy().getClearPrincipal());
    assertEquals(List.of(), c.getPrivacy().getClearColumnsList());
    tree.put("privacy", Map.of("principal", "hashed"));
    assertFalse(ContractFile.parse("a", tree).getPrivacy().getClearPrincipal());
    tree.put("privacy", Map.of("principal", "plain"));
    tree.put(
        "slices",
        List.of(
            Map.of("name", "a", "principal", true, "column", "amount"),
            Map.of("name", "b", "batchSize", List.of()),
            Map.of("name", "c", "batchSize", List.of(8, 1), "category", true),
            Map.of("name", "d", "batchSize", List.of(8), "principal", true)));
    ContractException e =
        assertThrows(ContractException.class, () -> ContractFile.parse("c", tree));
    assertEquals(
        List.of(
            "slices[0].column: has no meaning for a slice by principal or batchSize",
            "slices[1].batchSize: expected: at least one number of rows",
            "slices[2].category: has no meaning for a slice by principal or batchSize",
            "slices[2].batchSize: [8.0, 1.0] (expected: strictly ascending)",
            "slices[3].batchSize: expected either principal: true or batchSize",
            "privacy.principal: 'plain' (expected one of [clear, hashed])"),
        e.problems());
  }

  /** Any tree is either a contract or a list of problems; nothing else escapes. */
  @FuzzTest(maxDuration = "60s")
  void anyTreeIsReadOrRefused(FuzzedDataProvider data) {
    Object tree = value(data, 5);
    if (!(tree instanceof Map<?, ?> map)) {
      return;
    }
    try {
      DataContract contract = ContractFile.parse("fuzz", map);
      assertEquals(contract.getDigest(), ContractFile.digest(contract));
    } catch (ContractException e) {
      assertFalse(e.problems().isEmpty());
    }
  }

  private static Object value(FuzzedDataProvider data, int depth) {
    return switch (depth == 0 ? data.consumeInt(0, 4) : data.consumeInt(0, 8)) {
      case 0 -> data.consumeInt();
      case 1 -> data.consumeDouble();
      case 2 -> data.consumeBoolean();
      case 3 -> data.consumeString(12);
      case 4 -> data.pickValue(new String[] {"probabilities", "category", "amount", "p"});
      case 5 -> {
        List<Object> list = new ArrayList<>();
        for (int i = data.consumeInt(0, 4); i > 0; i--) {
          list.add(value(data, depth - 1));
        }
        yield list;
      }
      default -> {
        Map<Object, Object> map = new HashMap<>();
        for (int i = data.consumeInt(0, 6); i > 0; i--) {
          map.put(key(data), value(data, depth - 1));
        }
        yield map;
      }
    };
  }

  private static Object key(FuzzedDataProvider data) {
    String[] keys = {
      "contract",
      "features",
      "decision",
      "slices",
      "privacy",
      "input",
      "columns",
      "name",
      "min",
      "max",
      "kind",
      "output",
      "column",
      "cutoff",
      "atol",
      "rtol",
      "edges",
      "category",
      "log",
      "outputs",
      "topK",
      "depth",
      "principal",
      "batchSize"
    };
    return data.consumeInt(0, 9) == 0 ? (Object) data.consumeInt() : data.pickValue(keys);
  }
}
