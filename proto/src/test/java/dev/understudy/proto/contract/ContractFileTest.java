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
                + " embeddings])",
            "slices[0].edges: [3.0, 2.0] (expected: strictly ascending)",
            "privacy.log: 'iban' is not a feature (expected one of [amount, mcc])",
            "typo: unknown key (expected one of [contract, decision, features, privacy, slices])"),
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

  /** Any tree is either a contract or a list of problems; nothing else escapes. */
  @FuzzTest
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
      "log"
    };
    return data.consumeInt(0, 9) == 0 ? (Object) data.consumeInt() : data.pickValue(keys);
  }
}
