package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.contract.ContractFile;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.PayloadRecord;
import dev.understudy.proto.v1.Role;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.Status;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MirrorFlowTest {
  static DataContract contract(boolean privacy) {
    Map<String, Object> tree =
        new java.util.HashMap<>(
            Map.of(
                "contract",
                "fraud/1",
                "features",
                Map.of(
                    "input",
                    "x",
                    "columns",
                    List.of(
                        Map.of("name", "amount"),
                        Map.of("name", "iban"),
                        Map.of("name", "mcc", "kind", "category"))),
                "decision",
                Map.of("output", "p", "kind", "probabilities", "column", 1, "cutoff", 0.3),
                "slices",
                List.of(
                    Map.of("name", "amount", "column", "amount", "edges", List.of(10, 100)),
                    Map.of("name", "iban", "column", "iban", "edges", List.of(1)),
                    Map.of("name", "mcc", "column", "mcc", "category", true))));
    if (privacy) {
      tree.put("privacy", Map.of("log", List.of("amount", "mcc")));
    }
    return ContractFile.parse("test", tree);
  }

  @Test
  void copiesArePairedComparedAndKeptFromTheClient() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(
          1, 0, 10_000, route -> route.setContract(contract(true)).setPayloadSampleBp(10_000));
      for (int i = 0; i < 20; i++) {
        assertEquals(
            "1",
            rig.stub().modelInfer(FakeBackend.request(Rig.MODEL, 50, 77, 5411)).getModelVersion());
      }
      Rig.eventually("pairs are counted", () -> rig.pairs().getBothOk() == 20);
      Rig.eventually("comparisons come", () -> rig.receivers.comparisons().size() == 20);
      assertEquals(20, rig.shadow.shadowCalls());
      assertEquals(0, rig.champion.shadowCalls());
      Comparison comparison = rig.receivers.comparisons().getFirst();
      assertEquals(Role.SHADOW, comparison.getRole());
      assertEquals("3", comparison.getVersion());
      assertEquals("1", comparison.getChampionVersion());
      assertEquals("p", comparison.getOutputs(0).getName());
      assertEquals(2, comparison.getRows(0).getLabelsCount(), "no label of a hidden column");
      assertEquals("10..100", comparison.getRows(0).getLabels(0).getValue());
      assertEquals("5411", comparison.getRows(0).getLabels(1).getValue());
      ByteBuffer features =
          comparison.getFeatures().getData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
      assertEquals(50f, features.getFloat());
      assertTrue(Float.isNaN(features.getFloat()), "iban never leaves");
      assertEquals(5411f, features.getFloat());
      Rig.eventually("payloads of both", () -> rig.receivers.payloads().size() == 40);
      PayloadRecord shadow =
          rig.receivers.payloads().stream()
              .filter(payload -> payload.getRole() == Role.SHADOW)
              .findFirst()
              .orElseThrow();
      PayloadRecord champion =
          rig.receivers.payloads().stream()
              .filter(payload ->
                  payload.getRole() == Role.CHAMPION
                      && payload.getPredictionId().equals(shadow.getPredictionId()))
              .findFirst()
              .orElseThrow();
      assertEquals(List.of(0.5), shadow.getScoresList());
      assertEquals(List.of(0.25), champion.getScoresList());
      Rig.eventually("histograms come", () -> !rig.receivers.histograms().isEmpty());
    }
  }

  @Test
  void withoutAPrivacyPolicyNothingOfTheInputLeaves() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(
          1, 0, 10_000, route -> route.setContract(contract(false)).setPayloadSampleBp(10_000));
      rig.infer();
      rig.offer(2, 0, 10_000, route -> route.setPayloadSampleBp(10_000));
      rig.infer();
      Rig.eventually("comparisons come", () -> rig.receivers.comparisons().size() == 2);
      Rig.eventually("payloads come", () -> rig.receivers.payloads().size() == 4);
      for (Comparison comparison : rig.receivers.comparisons()) {
        assertFalse(comparison.hasFeatures());
        assertEquals(0, comparison.getRowsCount());
        assertEquals(1, comparison.getOutputsCount());
      }
      assertTrue(
          rig.receivers.payloads().stream()
              .noneMatch(payload -> payload.hasFeatures() || payload.getSlicesCount() > 0));
    }
  }

  @Test
  void aFrozenShadowIsBoundedAndCostsNoCall() throws Exception {
    try (Rig rig = Rig.watching("mirror: {copies: 8, timeout: 300ms}\n")) {
      rig.offer(1, 0, 10_000, route -> route);
      rig.shadow.behave(FakeBackend.hanging());
      assertEquals(Map.of("version 1", 100), rig.inferMany(100, request -> request));
      Rig.eventually(
          "each is a discordant pair or a drop",
          () -> rig.pairs().getOnlyCopyBad() + rig.pairs().getDropped() == 100);
      assertTrue(rig.pairs().getOnlyCopyBad() >= 8);
      assertTrue(rig.shadow.calls() <= rig.pairs().getOnlyCopyBad());
    }
  }

  @Test
  void aDeadShadowMakesDiscordantPairsAndCostsNoCall() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 0, 10_000, route -> route);
      rig.shadow.kill();
      assertEquals(Map.of("version 1", 50), rig.inferMany(50, request -> request));
      Rig.eventually("all are discordant", () -> rig.pairs().getOnlyCopyBad() == 50);
    }
  }

  @Test
  void aFailingChampionMakesTheOtherDiscordantPair() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 0, 10_000, route -> route);
      rig.champion.behave(FakeBackend.failing(Status.INTERNAL));
      assertEquals(Map.of("INTERNAL", 5), rig.inferMany(5, request -> request));
      Rig.eventually("all are discordant", () -> rig.pairs().getOnlyChampionBad() == 5);
    }
  }

  @Test
  void onlyTheSampleIsCopied() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 0, 2000, route -> route);
      rig.inferMany(500, request -> request);
      Rig.eventually("pairs are counted", () -> rig.pairs().getBothOk() == rig.shadow.calls());
      assertTrue(
          rig.shadow.calls() > 60 && rig.shadow.calls() < 140,
          "about a fifth of 500: " + rig.shadow.calls());
    }
  }
}
