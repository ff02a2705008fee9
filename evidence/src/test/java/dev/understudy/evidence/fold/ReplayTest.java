package dev.understudy.evidence.fold;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.evidence.rule.KayentaRule;
import dev.understudy.evidence.rule.ThresholdRule;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

final class ReplayTest {
  private static final ThresholdRule ARGO = new ThresholdRule(1.5, 500, 0);
  private static final KayentaRule KAYENTA = new KayentaRule(1, 20, 1, 75, 50);

  @Test
  void theSecondOfTheProofIsFoundAndTheReportIsTheServedOne() {
    Logs logs = new Logs().add(Logs.spec(Logs.failures()));
    EvidenceFold served = new EvidenceFold();
    long proved = 0;
    for (int i = 0; i < 20; i++) {
      logs.shadow(100, 0, 0);
    }
    for (var record : logs.records()) {
      served.accept(record);
      if (proved == 0 && served.report().getOverall() == Result.PROVED) {
        proved = record.getSequence();
      }
    }
    Replay replay = replay(logs, UnaryOperator.identity());
    assertEquals(served.report().toByteString(), replay.report().toByteString());
    assertTrue(proved > 2);
    assertEquals(proved, replay.firstProvedSequence());
    assertEquals(logs.records().get((int) proved - 1).getUnixMs(), replay.firstProvedUnixMs());
    assertEquals(0, replay.firstAgainstSequence());
    assertEquals(0, replay.kayenta().looks());
    assertEquals(0, replay.rule().windows());
  }

  @Test
  void anotherPlanJudgesTheSameLog() {
    Logs logs = new Logs().add(Logs.spec(Logs.failures()));
    for (int i = 0; i < 20; i++) {
      logs.shadow(100, 0, 0);
    }
    UnaryOperator<EvaluationSpec> strict =
        spec ->
            spec.toBuilder()
                .setBeta(1e-12)
                .setMetrics(0, spec.getMetrics(0).toBuilder().setMargin(.001))
                .build();
    Replay replay = replay(logs, strict);
    assertEquals(Result.UNDECIDED, replay.report().getOverall());
    assertEquals(0, replay.firstProvedSequence());
    assertFalse(
        replay
            .report()
            .getSpecDigest()
            .equals(replay(logs, UnaryOperator.identity()).report().getSpecDigest()));
  }

  @Test
  void theJudgeComparesWithTheControlWhereThereIsOne() {
    SplittableRandom random = new SplittableRandom(11);
    Logs logs = new Logs().add(Logs.spec(Logs.failures(), Logs.latency()));
    for (int i = 0; i < 60; i++) {
      logs.traffic(random, 2000, 2000, 400, .3, .01, 2);
    }
    Replay replay = replay(logs, UnaryOperator.identity());
    assertEquals(Result.AGAINST, replay.report().getOverall());
    assertTrue(replay.firstAgainstSequence() > 1);
    assertTrue(replay.kayenta().stopped());
    assertEquals(0, replay.kayenta().score());
    assertTrue(replay.rule().stopped());
  }

  @Test
  void aSecondThatTheJudgeSkipsIsSkippedByTheRulesToo() {
    Logs logs = new Logs().add(Logs.spec(Logs.failures()));
    logs.block(
        Logs.cell(Role.CANARY, 500, 0, 5, 0).toBuilder()
            .setLatency(LatencyCounts.newBuilder().addIndex(900_000).addCount(1))
            .build());
    Replay replay = replay(logs, UnaryOperator.identity());
    assertEquals(1, replay.report().getMalformed());
    assertEquals(0, replay.rule().windows());
  }

  private static Replay replay(Logs logs, UnaryOperator<EvaluationSpec> plan) {
    Replay.Run run = new Replay.Run(plan, ARGO, KAYENTA);
    logs.records().forEach(run::accept);
    return run.result();
  }
}
