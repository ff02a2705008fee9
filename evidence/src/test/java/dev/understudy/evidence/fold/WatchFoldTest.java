package dev.understudy.evidence.fold;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.evidence.latency.SparseHistogram;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.WatchSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class WatchFoldTest {
  private static final int KEPT_BP = 500;
  private static final int NEVER = Integer.MAX_VALUE;

  /** Buckets of lognormal latencies around 5 ms, drawn once. */
  private static final int[] AT_REST = latencies(5e6);

  private static final int[] SLOW = latencies(20e6);

  private static int[] latencies(double median) {
    SplittableRandom random = new SplittableRandom(1);
    int[] buckets = new int[1 << 12];
    for (int i = 0; i < buckets.length; i++) {
      buckets[i] = LatencyGrid.index((long) (median * Math.exp(0.4 * random.nextGaussian())));
    }
    return buckets;
  }

  private static EvidenceLogRecord.Builder watch(int horizonSeconds, double alpha) {
    return EvidenceLogRecord.newBuilder()
        .setWatch(
            WatchSpec.newBuilder()
                .setHorizonSeconds(horizonSeconds)
                .setAlpha(alpha)
                .setKeptBp(KEPT_BP));
  }

  private static Cell now(long ok, long bad) {
    return Logs.cell(Role.CHAMPION, 0, KEPT_BP, ok, bad).toBuilder().setVersion("8").build();
  }

  private static Cell before(long ok, long bad) {
    return Logs.cell(Role.CONTROL, 0, KEPT_BP, ok, bad);
  }

  /** What happens in one simulated watch. */
  private record Story(int seconds, int worseFrom, double worseBad, boolean slow, int incident) {
    static Story calm(int seconds, int incident) {
      return new Story(seconds, NEVER, 0.02, false, incident);
    }
  }

  /**
   * The second in which the watch alarms, through the whole fold; {@link #NEVER} when it is quiet.
   */
  private static int alarm(long seed, Story story, EvaluationSpec.Builder spec, double alpha) {
    return alarm(seed, story, spec, alpha, List.of());
  }

  private static int alarm(
      long seed, Story story, EvaluationSpec.Builder spec, double alpha, List<Cell> more) {
    SplittableRandom random = new SplittableRandom(seed);
    Logs logs = new Logs().add(spec.setSeed(seed)).add(watch(story.seconds(), alpha));
    for (int second = 0; second < story.seconds(); second++) {
      boolean worse = second >= story.worseFrom();
      double shared = second >= story.incident() && second < story.incident() + 40 ? 0.16 : 0.02;
      long[] ok = new long[2];
      long[] bad = new long[2];
      SparseHistogram[] latency = {new SparseHistogram(), new SparseHistogram()};
      for (int i = 0; i < 200; i++) {
        int arm = random.nextInt(10_000) < KEPT_BP ? 1 : 0;
        double rate = arm == 0 && worse ? Math.max(story.worseBad(), shared) : shared;
        if (random.nextDouble() < rate) {
          bad[arm]++;
        } else {
          ok[arm]++;
        }
        int[] from = arm == 0 && worse && story.slow() ? SLOW : AT_REST;
        latency[arm].add(from[random.nextInt(from.length)], 1);
      }
      List<Cell> cells = new ArrayList<>(more);
      cells.add(now(ok[0], bad[0]).toBuilder().setLatency(Logs.latency(latency[0])).build());
      cells.add(before(ok[1], bad[1]).toBuilder().setLatency(Logs.latency(latency[1])).build());
      logs.block(cells.toArray(Cell[]::new));
    }
    EvidenceFold fold = new EvidenceFold();
    int second = -2;
    for (EvidenceLogRecord record : logs.records()) {
      fold.accept(record);
      if (fold.against()) {
        return second;
      }
      second++;
    }
    return NEVER;
  }

  private static EvaluationSpec.Builder plan() {
    return Logs.spec(Logs.failures(), Logs.latency());
  }

  @Test
  void aVersionThatStaysAsItWasIsRarelyAlarmedAbout() {
    int runs = 100;
    double alpha = 0.1;
    int alarms = 0;
    for (int run = 0; run < runs; run++) {
      // Half of them with a shared outage: errors eight times as frequent on both sides for 40 s.
      Story story = Story.calm(150, run % 2 == 0 ? 80 : NEVER - 100);
      alarms += alarm(7000 + run, story, plan(), alpha) == NEVER ? 0 : 1;
    }
    double bound = alpha + 3 * Math.sqrt(alpha * (1 - alpha) / runs);
    assertTrue(alarms <= bound * runs, alarms + " alarms in " + runs + " watches");
  }

  @Test
  void errorsThatRiseLateAreFound() {
    int[] delays = new int[20];
    for (int run = 0; run < delays.length; run++) {
      int at = alarm(8000 + run, new Story(240, 150, 0.3, false, NEVER - 100), plan(), 0.01);
      delays[run] = at == NEVER ? NEVER : at - 150;
    }
    Arrays.sort(delays);
    assertTrue(delays[0] >= 0, "an alarm before anything was wrong: " + delays[0]);
    assertTrue(delays[10] < 20, "median delay " + delays[10] + " s");
    assertTrue(delays[18] < 90, "second longest delay " + delays[18] + " s");
  }

  @Test
  void latencyThatRisesLateIsFound() {
    int[] delays = new int[9];
    for (int run = 0; run < delays.length; run++) {
      int at = alarm(9000 + run, new Story(240, 150, 0.02, true, NEVER - 100), plan(), 0.01);
      delays[run] = at == NEVER ? NEVER : at - 150;
    }
    Arrays.sort(delays);
    assertTrue(delays[0] >= 0, "an alarm before anything was wrong: " + delays[0]);
    assertTrue(delays[4] < 40, "median delay " + delays[4] + " s");
  }

  @Test
  void latencyIsComparedOverAllRules() {
    List<Cell> ofAnotherRule =
        List.of(
            now(1, 0).toBuilder().setRule("partners").build(),
            before(1, 0).toBuilder().setRule("partners").build());
    Story slow = new Story(240, 150, 0.02, true, NEVER - 100);
    int at = alarm(9000, slow, plan(), 0.01, ofAnotherRule);
    assertTrue(at >= 150 && at < 240, "alarm at " + at);
  }

  private static Logs failing(EvaluationSpec.Builder spec, int seconds) {
    Logs logs = new Logs().add(spec).add(watch(600, 0.01));
    for (int i = 0; i < seconds; i++) {
      logs.block(now(60, 40), before(5, 0));
    }
    return logs;
  }

  @Test
  void anAlarmIsAVerdictAgainstAndStays() {
    Logs logs = failing(plan(), 60);
    for (int i = 0; i < 300; i++) {
      logs.block(now(100, 0), before(0, 5));
    }
    EvidenceReport report = logs.report();
    assertEquals(Result.AGAINST, report.getWatch().getResult());
    assertEquals(Result.AGAINST, report.getOverall());
    assertTrue(
        report.getStatement().startsWith("stop: the new version fails more often"),
        report.getStatement());
    assertTrue(report.getWatch().getLogEvidence() >= report.getWatch().getLogAlarm());
  }

  @Test
  void withoutAWatchRecordNothingChanges() {
    Logs logs = new Logs().add(plan());
    for (int i = 0; i < 60; i++) {
      logs.block(now(60, 40), before(5, 0));
    }
    EvidenceReport report = logs.report();
    assertFalse(report.hasWatch());
    assertEquals(Result.UNDECIDED, report.getOverall());
    assertEquals(0, report.getMetrics(0).getObservations());
  }

  @Test
  void theNewChampionsCountsNeverBecomeTheBaselineOfItsOwnTrial() {
    Logs plain = new Logs().add(plan());
    Logs polluted = new Logs().add(plan());
    SplittableRandom random = new SplittableRandom(4);
    for (int i = 0; i < 40; i++) {
      SplittableRandom same = random.split();
      plain.traffic(same, 2500, 2500, 200, 0.02, 0.02, 1);
      EvidenceLogRecord last = plain.records().getLast();
      List<Cell> cells = new ArrayList<>(last.getBlock().getCellsList());
      // A router that is ahead already counts the challenger as champion, at the old weights.
      cells.add(Logs.cell(Role.CHAMPION, 2500, 2500, 50, 50).toBuilder().setVersion("8").build());
      polluted.block(cells.toArray(Cell[]::new));
    }
    assertEquals(plain.report().getMetricsList(), polluted.report().getMetricsList());
    assertEquals(plain.report().getSplit(), polluted.report().getSplit());
    assertEquals(plain.report().getLatency(), polluted.report().getLatency());
  }

  @Test
  void aLateSecondCountsForErrorsButIsNoStep() {
    Logs logs = new Logs().add(plan()).add(watch(600, 0.01));
    for (int i = 0; i < 10; i++) {
      logs.block(now(100, 0), before(5, 0));
    }
    double quiet = logs.report().getWatch().getLogEvidence();
    List<EvidenceLogRecord> records = new ArrayList<>(logs.records());
    JoinedBlock.Builder late =
        JoinedBlock.newBuilder().setSecond(1).setLate(true).addCells(now(0, 90));
    records.add(logs.add(EvidenceLogRecord.newBuilder().setBlock(late)).records().getLast());
    logs.block(now(100, 0), before(5, 0));
    records.add(logs.records().getLast());
    EvidenceReport report = Logs.fold(records).report();
    assertEquals(11, report.getWatch().getBlocks());
    assertTrue(report.getWatch().getLogEvidence() > quiet + 1);
  }

  @Test
  void nothingIsLookedAtAfterTheHorizon() {
    Logs logs = new Logs().add(plan()).add(watch(5, 0.01));
    for (int i = 0; i < 5; i++) {
      logs.block(now(100, 0), before(5, 0));
    }
    for (int i = 0; i < 100; i++) {
      logs.block(now(0, 100), before(5, 0));
    }
    EvidenceReport report = logs.report();
    assertEquals(5, report.getWatch().getBlocks());
    assertEquals(Result.UNDECIDED, report.getWatch().getResult());
    assertTrue(report.getWatch().getStatement().startsWith("the watch is over: no sign"));
  }

  @Test
  void withoutAKeptShareNothingCanBeCompared() {
    Logs logs = new Logs().add(plan()).add(watch(600, 0.01));
    Cell alone = Logs.cell(Role.CHAMPION, 0, 0, 50, 50).toBuilder().setVersion("8").build();
    for (int i = 0; i < 20; i++) {
      logs.block(alone);
    }
    EvidenceReport report = logs.report();
    assertEquals(Result.CANNOT_MEASURE, report.getWatch().getResult());
    assertFalse(report.getOverall() == Result.AGAINST);
  }

  @Test
  void aSecondWatchRecordDoesNotStartTheWatchAgain() {
    Logs logs = failing(plan(), 3).add(watch(9, 0.2));
    assertEquals(600, logs.report().getWatch().getHorizonBlocks());
    assertEquals(3, logs.report().getWatch().getBlocks());
  }

  @Test
  void theNextAttemptEndsTheWatch() {
    Logs logs = failing(plan(), 60).add(plan().setAttempt(2));
    assertFalse(logs.report().hasWatch());
    assertFalse(logs.report().getOverall() == Result.AGAINST);
  }

  @Test
  void aWatchThatCannotBeKeptIsSkippedAndSaidSo() {
    Logs logs = new Logs().add(plan()).add(watch(0, 0.01)).add(watch(600, 1));
    assertFalse(logs.report().hasWatch());
    assertEquals(2, logs.report().getMalformed());
  }

  @Test
  void withStickyKeysOnlyTheFirstFailureOfAKeyOfTheWatchCounts() {
    Logs logs = new Logs().add(plan().setUnit(RandomisationUnit.KEY)).add(watch(600, 0.01));
    for (int i = 0; i < 200; i++) {
      logs.block(
          now(0, 500).toBuilder()
              .addFirstSeenKeys(1)
              .addFirstBadKeys(1)
              .addFirstBadKeys(i + 9)
              .build(),
          before(50, 0));
    }
    assertEquals(Result.UNDECIDED, logs.report().getWatch().getResult());
    for (int i = 0; i < 400; i++) {
      logs.block(now(0, 1).toBuilder().addFirstSeenKeys(-i - 1).addFirstBadKeys(-i - 1).build());
    }
    assertEquals(Result.AGAINST, logs.report().getWatch().getResult());
  }
}
