package dev.understudy.launcher.offline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.evidence.fold.Replay;
import dev.understudy.evidence.rule.KayentaRule;
import dev.understudy.evidence.rule.ThresholdRule;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReplaysTest {
  private static final KayentaRule.Decision NEVER =
      new KayentaRule.Decision(false, false, -1, 0, Double.NaN, List.of());

  @TempDir Path folder;

  @Test
  void anotherPlanChangesLimitsAndNothingThatWasRecorded() throws Exception {
    EvaluationSpec logged =
        EvaluationSpec.newBuilder()
            .setRolloutId("r-1")
            .setModel("m")
            .setAttempt(2)
            .setUnit(RandomisationUnit.REQUEST)
            .setChampionVersion("1")
            .setChampionDigest("aa")
            .setChallengerVersion("2")
            .setChallengerDigest("bb")
            .setAlpha(.01)
            .setContract(DataContract.newBuilder().setName("c"))
            .setLiveControl(true)
            .setStartedUnixMs(77)
            .setSeed(5)
            .build();
    EvaluationSpec judged = Judgement.under(plan("")).apply(logged);
    assertEquals(.2, judged.getAlpha());
    assertEquals(.03, judged.getMetrics(0).getMargin());
    assertEquals(
        logged.toBuilder().clearAlpha().build(),
        judged.toBuilder()
            .clearAlpha()
            .clearBeta()
            .clearAlphaSplit()
            .clearMetrics()
            .clearIntent()
            .clearGuardConsecutiveFailures()
            .clearGuardUnavailableSeconds()
            .build());
  }

  @Test
  void controlsStayAsTheyWereRecordedWhateverThePlanNames() throws Exception {
    EvaluationSpec logged =
        EvaluationSpec.newBuilder()
            .setUnit(RandomisationUnit.REQUEST)
            .setMirroredControl(true)
            .build();
    for (String control : List.of("", "control: none")) {
      EvaluationSpec judged = Judgement.under(plan(control)).apply(logged);
      assertTrue(judged.getMirroredControl());
      assertFalse(judged.getLiveControl());
    }
  }

  @Test
  void aPlanForAnotherUnitIsRefused() throws Exception {
    UnaryOperator<EvaluationSpec> byKey = Judgement.under(plan("unit: key\nkeyMetadata: x-user"));
    String message =
        String.valueOf(
            assertThrows(
                    IllegalArgumentException.class,
                    () ->
                        byKey.apply(
                            EvaluationSpec.newBuilder().setUnit(RandomisationUnit.REQUEST).build()))
                .getMessage());
    assertTrue(message.endsWith("unit: key (expected: request, as the log was recorded)"), message);
    assertThrows(OfflineException.class, () -> Judgement.under(folder.resolve("none.yaml")));
  }

  @Test
  void whatOthersWouldHaveDoneStandsBesideIt() {
    Replay replay =
        new Replay(
            report(Result.AGAINST, 12),
            9,
            1_000,
            4,
            500,
            new ThresholdRule.Decision(true, 7, 1_500, 3, 1),
            new KayentaRule.Decision(
                true,
                false,
                8,
                2,
                50,
                List.of(
                    new KayentaRule.Metric("error rate", KayentaRule.Call.HIGH, 1, 1, 1, 2),
                    new KayentaRule.Metric("p95 latency", KayentaRule.Call.PASS, 0, 0, 0, 1))));
    assertEquals(
        List.of(
            "On the same seconds",
            "  Understudy         against at record 9, 1970-01-01T00:00:01Z",
            "  Argo-style rule    stops it at 1970-01-01T00:00:07Z, after 1,500 requests (window"
                + " 3)",
            "  Kayenta-style      stops it at 1970-01-01T00:00:08Z, score 50 (error rate high, p95"
                + " latency pass)"),
        Replays.lines(replay, Replays.Beside.ALL));
  }

  @Test
  void whoNeverLookedIsSaidToHaveNeverLooked() {
    Replay replay =
        new Replay(
            report(Result.UNDECIDED, 3),
            0,
            0,
            0,
            0,
            new ThresholdRule.Decision(false, -1, 0, 0, 0),
            NEVER);
    assertEquals(
        List.of(
            "On the same seconds",
            "  Understudy         undecided to the end (3 records)",
            "  Kayenta-style      never looks: too few intervals with the challenger answering a"
                + " share"),
        Replays.lines(replay, Replays.Beside.KAYENTA));
  }

  private static EvidenceReport report(Result overall, long records) {
    return EvidenceReport.newBuilder().setOverall(overall).setLogSequence(records).build();
  }

  private Path plan(String more) throws Exception {
    return Files.writeString(
        folder.resolve("plan.yaml"),
        """
        model: other-name
        challenger: "9"
        intent: improved
        alpha: 0.2
        %s
        steps: [{mirror: 100%%}, {setWeight: 5%%}]
        prove:
          failures: {margin: 3%%}
        """
            .formatted(more));
  }
}
