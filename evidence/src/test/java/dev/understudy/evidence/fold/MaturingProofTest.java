package dev.understudy.evidence.fold;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.evidence.process.Direction;
import dev.understudy.evidence.process.MarginProcess;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.Role;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Failures that take longer to end than answers do. */
class MaturingProofTest {
  private static final int BP = 2500;

  private static FailuresFold failures(double margin, long longestAttemptMs) {
    return new FailuresFold(
        Logs.failures().toBuilder().setMargin(margin).build(),
        Logs.spec(Logs.failures()).setLongestAttemptMs(longestAttemptMs).build());
  }

  private static Cell cell(boolean canary, long assigned, long ok, long bad, long censored) {
    return Logs.head(canary ? Role.CANARY : Role.CHAMPION, BP, 0)
        .setAssigned(assigned)
        .addOutcomes(Logs.outcome(Outcome.OK, ok))
        .addOutcomes(Logs.outcome(Outcome.CANCELLED_BY_CLIENT, censored))
        .addOutcomes(Logs.outcome(Outcome.BAD_TRY_TIMEOUT, bad))
        .build();
  }

  private static void block(FailuresFold fold, long second, boolean late, Cell... cells) {
    JoinedBlock.Builder block = JoinedBlock.newBuilder().setSecond(second).setLate(late);
    for (Cell cell : cells) {
      block.addCells(cell);
    }
    fold.block(
        BlockView.of(
            block.build(), RandomisationUnit.REQUEST, new KeyLedger(10), new Versions("7", "8")));
  }

  /**
   * The second in which the proof reaches 20, or -1. Answers end in their second, failures by a
   * time-out some seconds later.
   *
   * @param lag every second block comes so many seconds late
   */
  private static int provedAt(
      SplittableRandom random,
      FailuresFold fold,
      int perSecond,
      double canaryBad,
      double championBad,
      int timeoutSeconds,
      int lag) {
    int seconds = 90;
    long[][][] counts = new long[seconds + timeoutSeconds + 1][2][3];
    for (int second = 0; second < seconds; second++) {
      for (int i = 0; i < perSecond; i++) {
        int arm = random.nextInt(10_000) < BP ? 1 : 0;
        counts[second][arm][0]++;
        boolean fails = random.nextDouble() < (arm == 1 ? canaryBad : championBad);
        counts[second + (fails ? timeoutSeconds : 0)][arm][fails ? 2 : 1]++;
      }
      if (lag == 0 || second % 2 == 0) {
        send(fold, second, false, counts[second]);
      }
      if (lag > 0 && second >= lag && (second - lag) % 2 == 1) {
        send(fold, second - lag, true, counts[second - lag]);
      }
      if (fold.logFor() >= Math.log(20)) {
        return second;
      }
    }
    return -1;
  }

  private static void send(FailuresFold fold, int second, boolean late, long[][] counts) {
    block(
        fold,
        second,
        late,
        cell(true, counts[1][0], counts[1][1], counts[1][2], 0),
        cell(false, counts[0][0], counts[0][1], counts[0][2], 0));
  }

  /** A canary that fails one request in twenty by a time-out of ten seconds, margin one point. */
  @Test
  void slowFailuresAreNotProvedAwayBeforeTheyHaveEnded() {
    SplittableRandom seeds = new SplittableRandom(20260107);
    for (int run = 0; run < 20; run++) {
      long seed = seeds.nextLong();
      // Who does not wait for them proves what is not so.
      assertTrue(provedAt(new SplittableRandom(seed), failures(0.01, 0), 1000, 0.05, 0, 10, 0) > 0);
      assertEquals(
          -1, provedAt(new SplittableRandom(seed), failures(0.01, 10_000), 1000, 0.05, 0, 10, 0));
      assertEquals(
          -1, provedAt(new SplittableRandom(seed), failures(0.01, 10_000), 1000, 0.05, 0, 10, 20));
    }
  }

  @Test
  void slowFailuresExactlyOnTheMarginProveNoMoreOftenThanStated() {
    int runs = 100;
    int proved = 0;
    int provedLate = 0;
    SplittableRandom seeds = new SplittableRandom(20260108);
    for (int run = 0; run < runs; run++) {
      proved += provedAt(seeds.split(), failures(0.02, 2500), 100, 0.03, 0.01, 3, 0) < 0 ? 0 : 1;
      provedLate +=
          provedAt(seeds.split(), failures(0.02, 2500), 100, 0.03, 0.01, 3, 7) < 0 ? 0 : 1;
    }
    double most = runs * (0.05 + 3 * Math.sqrt(0.05 * 0.95 / runs));
    assertTrue(proved <= most, proved + " of " + runs);
    assertTrue(provedLate <= most, provedLate + " of " + runs);
  }

  /** Never more than the process that knows of every mature request how it ended. */
  @Test
  void evidenceIsAtMostThatOfTheMatureRequests() {
    SplittableRandom random = new SplittableRandom(20260109);
    for (double margin : new double[] {0.01, 0, -0.02}) {
      for (int run = 0; run < 20; run++) {
        FailuresFold fold = failures(margin, 3000);
        int seconds = 40;
        long[][][] ended = new long[seconds + 4][2][3]; // By second, arm: ok, bad, censored.
        long[][][] trials = new long[seconds][2][3];
        MarginProcess truth =
            new MarginProcess(new MarginProcess.Parameters(Direction.PROMOTE, margin));
        for (int second = 0; second < seconds; second++) {
          long[] assigned = new long[2];
          for (int i = 0; i < 50; i++) {
            int arm = random.nextInt(10_000) < BP ? 1 : 0;
            int how = random.nextInt(10) == 0 ? 1 + random.nextInt(2) : 0;
            assigned[arm]++;
            trials[second][arm][how]++;
            ended[second + random.nextInt(4)][arm][how]++;
          }
          long[] ours = ended[second][1];
          long[] theirs = ended[second][0];
          block(
              fold,
              second,
              false,
              cell(true, assigned[1], ours[0], ours[1], ours[2]),
              cell(false, assigned[0], theirs[0], theirs[1], theirs[2]));
          if (second >= 3) {
            long[][] mature = trials[second - 3];
            truth.add(0.25, mature[1][0], mature[1][1], mature[0][0], mature[0][1]);
          }
          assertTrue(fold.logFor() <= truth.logE() + 1e-9, fold.logFor() + " > " + truth.logE());
        }
      }
    }
  }

  @Test
  void whenNoAttemptOutlastsItsSecondNothingIsHeldBack() {
    SplittableRandom random = new SplittableRandom(20260110);
    FailuresFold fold = failures(0.01, 0);
    FailuresFold waits = failures(0.01, 2000);
    MarginProcess plain = new MarginProcess(new MarginProcess.Parameters(Direction.PROMOTE, 0.01));
    for (int second = 0; second < 60; second++) {
      long canaryBad = random.nextInt(2);
      Cell[] cells = {cell(true, 25, 25 - canaryBad, canaryBad, 0), cell(false, 75, 74, 1, 0)};
      block(fold, second, false, cells);
      block(waits, second, false, cells);
      plain.add(0.25, 25 - canaryBad, canaryBad, 74, 1);
      assertEquals(plain.logE(), fold.logFor());
      assertTrue(waits.logFor() <= fold.logFor());
    }
    block(waits, 61, false);
    assertEquals(fold.logFor(), waits.logFor(), 1e-9);
    assertEquals(fold.logAgainst(), waits.logAgainst());
  }

  @Test
  void lateBlocksAreMatureSoManySecondsAfterTheyCame() {
    FailuresFold fold = failures(0.01, 2000);
    block(fold, 5, true, cell(true, 25, 25, 0, 0), cell(false, 75, 75, 0, 0));
    block(fold, 100, false);
    block(fold, 101, false);
    assertEquals(0, fold.logFor());
    block(fold, 102, false);
    double one = fold.logFor();
    assertTrue(one > 0);
    block(fold, 50, true, cell(true, 25, 25, 0, 0), cell(false, 75, 75, 0, 0));
    assertEquals(one, fold.logFor());
    block(fold, 104, false);
    assertTrue(fold.logFor() > one);
  }

  @Test
  void evidenceAgainstDoesNotWait() {
    FailuresFold fold = failures(0.01, 60_000);
    block(fold, 1, false, cell(true, 100, 0, 20, 0), cell(false, 300, 300, 0, 0));
    assertTrue(fold.logAgainst() > Math.log(100));
    assertTrue(fold.logFor() < 0);
  }

  @Test
  void anAttemptLongerThanAnHourIsNoPlan() {
    assertTrue(
        SpecCheck.problems(Logs.spec(Logs.failures()).setLongestAttemptMs(3_600_000).build())
            .isEmpty());
    for (long millis : new long[] {3_600_001, -1}) {
      assertFalse(
          SpecCheck.problems(Logs.spec(Logs.failures()).setLongestAttemptMs(millis).build())
              .isEmpty());
    }
  }
}
