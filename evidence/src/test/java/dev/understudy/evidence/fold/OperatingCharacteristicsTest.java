package dev.understudy.evidence.fold;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.evidence.rule.ThresholdRule;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Whole rollouts through the production fold, from fixed seeds. */
class OperatingCharacteristicsTest {
  private static final double ALPHA = 0.05;

  private static EvaluationSpec.Builder spec(long seed) {
    return Logs.spec(Logs.failures(), Logs.latency(), Logs.changed())
        .setAlpha(ALPHA)
        .setSeed(seed)
        .setGuardConsecutiveFailures(0);
  }

  /** A minute at 5 % and a minute at 25 %, 100 requests a second, looked at after every record. */
  private static boolean everStopped(long seed, double canaryBad, double changed) {
    SplittableRandom random = new SplittableRandom(seed);
    Logs logs = new Logs().add(spec(seed));
    for (int second = 0; second < 120; second++) {
      int bp = second < 60 ? 500 : 2500;
      logs.traffic(random, bp, bp, 100, canaryBad, 0.02, 1);
      int toPositive = 0;
      for (int i = 0; i < 20; i++) {
        toPositive += random.nextDouble() < changed ? 1 : 0;
      }
      logs.pairs(Role.SHADOW, 10, 20, toPositive);
    }
    EvidenceFold fold = new EvidenceFold();
    for (EvidenceLogRecord record : logs.records()) {
      fold.accept(record);
      if (fold.against()) {
        return true;
      }
    }
    return false;
  }

  @Test
  void anAcceptableChallengerIsStoppedNoMoreOftenThanStated() {
    int runs = 300;
    int stopped = 0;
    for (int run = 0; run < runs; run++) {
      // Every metric exactly where it is still acceptable.
      stopped += everStopped(1000 + run, 0.02, 0.1) ? 1 : 0;
    }
    double bound = ALPHA + 3 * Math.sqrt(ALPHA * (1 - ALPHA) / runs);
    assertTrue(stopped <= bound * runs, stopped + " of " + runs + " were stopped");
  }

  @Test
  void aChallengerThatFailsFiveTimesAsOftenIsStopped() {
    int runs = 40;
    int stopped = 0;
    for (int run = 0; run < runs; run++) {
      stopped += everStopped(2000 + run, 0.1, 0.1) ? 1 : 0;
    }
    assertTrue(stopped >= 36, stopped + " of " + runs + " were stopped");
  }

  @Test
  void aChallengerThatDecidesOtherwiseThanDeclaredIsStopped() {
    for (int run = 0; run < 10; run++) {
      assertTrue(everStopped(3000 + run, 0.02, 0.2), "run " + run);
    }
  }

  @Test
  void aReplayTellsWhenTheEvidenceAndWhenAThresholdWouldHaveStopped() {
    SplittableRandom random = new SplittableRandom(9);
    Logs logs = new Logs().add(Logs.spec(Logs.failures()).setGuardConsecutiveFailures(0));
    for (int second = 0; second < 40; second++) {
      logs.traffic(random, 2500, 0, 100, second < 20 ? 0.02 : 0.6, 0.02, 1);
    }
    List<EvidenceLogRecord> records = logs.records();
    Replay replay = Replay.of(records, new ThresholdRule(1.5, 500, 0));
    assertTrue(replay.stopped());
    assertTrue(
        replay.firstAgainstSequence() > 21 && replay.firstAgainstSequence() < 30,
        "stopped at record " + replay.firstAgainstSequence());
    assertTrue(replay.rule().stopped());
    assertEquals(0, replay.rule().requests() % 500);
  }

  @Test
  void aReplayOfAHarmlessLogIsNotStopped() {
    Logs logs = new Logs().add(Logs.spec(Logs.failures()));
    for (int second = 0; second < 20; second++) {
      logs.block(Logs.cell(Role.CANARY, 2500, 0, 25, 0), Logs.cell(Role.CHAMPION, 2500, 0, 75, 0));
    }
    Replay replay = Replay.of(logs.records(), new ThresholdRule(1.5, 500, 0));
    assertEquals(Result.UNDECIDED, replay.report().getOverall());
    assertEquals(0, replay.firstAgainstSequence());
    assertEquals(4, replay.rule().windows());
  }
}
