package dev.understudy.evidence.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.evidence.latency.SparseHistogram;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;

final class BlockLatencyTest {

  /** Latencies of a server at rest: 65,536 draws of a lognormal, from which every arm draws. */
  private static final long[] AT_REST = atRest();

  private static long[] atRest() {
    SplittableRandom random = new SplittableRandom(20260102);
    return random
        .longs(1 << 16)
        .map(ignored -> (long) (2e6 * Math.exp(.6 * random.nextGaussian())))
        .toArray();
  }

  /**
   * A server that stalls on its own: 200 requests long, about once per 2,000, four times the
   * latency.
   */
  private static final class Arm {
    private static final int STALL = 200;

    private final double slowness;
    private final double stallChance;
    private final double stallFactor;

    /** The stall begins when this is 0 and is over when it is minus {@link #STALL}. */
    private long untilStall = 1 - STALL;

    Arm(double slowness, double stallsPerRequest) {
      this(slowness, stallsPerRequest, 4);
    }

    Arm(double slowness, double stallsPerRequest, double stallFactor) {
      this.slowness = slowness;
      this.stallChance = stallsPerRequest;
      this.stallFactor = stallFactor;
    }

    /** The clock of stalls runs with the requests of both arms. */
    void tick(SplittableRandom random) {
      if (stallChance > 0 && --untilStall <= -STALL) {
        // Draws once how many requests go well, instead of one chance at each: the same law.
        untilStall = (long) (Math.log1p(-random.nextDouble()) / Math.log1p(-stallChance)) + 1;
      }
    }

    private boolean stalls() {
      return stallChance > 0 && untilStall <= 0;
    }

    long nanos(SplittableRandom random) {
      double factor = stalls() ? slowness * stallFactor : slowness;
      return (long) (AT_REST[random.nextInt() >>> 16] * factor);
    }
  }

  /** Counts a second's latencies in place and hands them over sorted. */
  private static final class Counts {
    private final long[] counts = new long[LatencyGrid.SIZE];
    private int first = LatencyGrid.SIZE;
    private int last = -1;

    void record(long nanos) {
      int index = LatencyGrid.index(nanos);
      counts[index]++;
      first = Math.min(first, index);
      last = Math.max(last, index);
    }

    SparseHistogram take() {
      SparseHistogram histogram = new SparseHistogram();
      for (int i = first; i <= last; i++) {
        if (counts[i] != 0) {
          histogram.add(i, counts[i]);
          counts[i] = 0;
        }
      }
      first = LatencyGrid.SIZE;
      last = -1;
      return histogram;
    }
  }

  private record Setting(
      double w,
      double tolerance,
      int perSecond,
      int seconds,
      double slowness,
      double stalls,
      double canaryStalls) {
    static Setting calm(double w, double tolerance, int perSecond, double slowness) {
      return new Setting(w, tolerance, perSecond, 120, slowness, 0, 0);
    }
  }

  private static long run(
      SplittableRandom random, Setting s, ToDoubleFunction<BlockLatency> logE, double level) {
    BlockLatency process =
        new BlockLatency(BlockLatency.Parameters.of(.95, s.tolerance(), random.nextLong()));
    Arm canaryArm = new Arm(s.slowness(), s.canaryStalls());
    Arm baselineArm = new Arm(1, s.stalls());
    Counts canary = new Counts();
    Counts baseline = new Counts();
    for (int second = 0; second < s.seconds(); second++) {
      for (int i = 0; i < s.perSecond(); i++) {
        canaryArm.tick(random);
        baselineArm.tick(random);
        if (random.nextDouble() < s.w()) {
          canary.record(canaryArm.nanos(random));
        } else {
          baseline.record(baselineArm.nanos(random));
        }
      }
      process.add(
          new BlockLatency.Second(second, 0, s.w(), canary.take(), 1 - s.w(), baseline.take()));
      if (logE.applyAsDouble(process) >= -Math.log(level)) {
        return second + 1L;
      }
    }
    return Simulation.NEVER;
  }

  private static Simulation against(String name, int runs, Setting s, double level) {
    return Simulation.of("B5 " + name, runs, r -> run(r, s, BlockLatency::logEAgainst, level));
  }

  private static Simulation proof(String name, int runs, Setting s, double level) {
    return Simulation.of("B5 " + name, runs, r -> run(r, s, BlockLatency::logEFor, level));
  }

  private static Setting bursty(double w, int perSecond, int seconds, double canaryFactor) {
    return new Setting(w, 0, perSecond, seconds, 1, 1 / 2000.0, canaryFactor / 2000);
  }

  @Test
  void equalArmsThatStallAreRarelyStopped() {
    against("A/A bursty w=.1, block 5x the stall", 400, bursty(.1, 1000, 40, 1), .05)
        .assertLevel(.05);
    against("A/A bursty w=.5, block 5x the stall", 400, bursty(.5, 1000, 40, 1), .05)
        .assertLevel(.05);
    against("A/A bursty w=.75 (thins the canary)", 400, bursty(.75, 1000, 40, 1), .05)
        .assertLevel(.05);
  }

  @Test
  void perRequestTestsBreakUnderStalls() {
    // The control experiment that must fail: exceedances of a running quantile fed to the label
    // process request by request.
    Simulation.of(
            "B2 per request, A/A bursty w=.1 (must fail)",
            150,
            random -> {
              LabelProcess process = new LabelProcess(LabelProcess.Parameters.abort(1));
              Arm canary = new Arm(1, 1 / 2000.0);
              Arm baseline = new Arm(1, 1 / 2000.0);
              long tau = (long) (2e6 * Math.exp(.6 * 1.645));
              for (int i = 0; i < 40_000; i++) {
                canary.tick(random);
                baseline.tick(random);
                boolean onCanary = random.nextDouble() < .1;
                if ((onCanary ? canary : baseline).nanos(random) > tau) {
                  process.bad(.1, onCanary);
                  if (process.reaches(.05)) {
                    return i;
                  }
                }
              }
              return Simulation.NEVER;
            })
        .assertShareAbove(.5);
  }

  @Test
  void stallsThatComeOftenerAreFound() {
    against("canary stalls 3x as often w=.1, 40 blocks", 200, bursty(.1, 1000, 40, 3), .05)
        .assertShareAbove(.7);
  }

  @Test
  void longStallsLengthenLaterBlocks() {
    BlockLatency process = new BlockLatency(BlockLatency.Parameters.of(.95, .1, 1));
    for (int second = 0; second < 20; second++) {
      boolean stall = second == 14 || second == 15;
      process.add(second(second, 0, .1, stall ? 50_000_000 : 1_000_000, 1_000_000));
      assertEquals(second < 16 ? 1 : 10, process.blockSeconds(), "at " + second);
    }
  }

  @Test
  void blocksThatGrowKeepTheLevelWhereFixedOnesBreakIt() {
    // 100 requests a second: a stall of 200 requests now lasts two seconds.
    Simulation[] byLongest = new Simulation[2];
    for (int i = 0; i < 2; i++) {
      int longest = i == 0 ? 60 : 1;
      byLongest[i] =
          Simulation.of(
              "B5 A/A stalls of 2 s, blocks of 1 to " + longest + " s",
              400,
              random -> {
                BlockLatency process =
                    new BlockLatency(
                        new BlockLatency.Parameters(
                            .95, 0, 4, random.nextLong(), 1, longest, 60, 200));
                Arm canaryArm = new Arm(1, 1 / 2000.0, 8);
                Arm baselineArm = new Arm(1, 1 / 2000.0, 8);
                Counts canary = new Counts();
                Counts baseline = new Counts();
                for (int second = 0; second < 400; second++) {
                  for (int request = 0; request < 100; request++) {
                    canaryArm.tick(random);
                    baselineArm.tick(random);
                    if (random.nextDouble() < .3) {
                      canary.record(canaryArm.nanos(random));
                    } else {
                      baseline.record(baselineArm.nanos(random));
                    }
                  }
                  process.add(
                      new BlockLatency.Second(second, 0, .3, canary.take(), .7, baseline.take()));
                  if (process.logEAgainst() >= Math.log(20)) {
                    return second;
                  }
                }
                return Simulation.NEVER;
              });
    }
    byLongest[0].assertLevel(.05);
    byLongest[1].assertShareAbove(1.5 * byLongest[0].share());
  }

  @Test
  void theLevelHoldsOnTheToleranceInBothDirections() {
    for (double w : new double[] {.05, .25}) {
      Setting s = Setting.calm(w, .25, 400, 1.25);
      against("canary x1.25 = tol, abort w=" + w, 200, s, .05).assertLevel(.05);
      proof("canary x1.25 = tol, promote w=" + w, 200, s, .05).assertLevel(.05);
    }
  }

  @Test
  void equalLatencyIsProvedInKnownTime() {
    proof("tol 25 %, 400/s, w=.05", 300, Setting.calm(.05, .25, 400, 1), .05).assertMedian(22);
  }

  @Test
  void slownessIsFound() {
    against("canary x2, tol 25 %, 500/s, w=.25", 100, Setting.calm(.25, .25, 500, 2), .01)
        .assertMedian(12, .5);
  }

  private static BlockLatency.Second second(
      long second, long revision, double w, long canaryNanos, long referenceNanos) {
    SparseHistogram canary = new SparseHistogram();
    SparseHistogram reference = new SparseHistogram();
    canary.add(LatencyGrid.index(canaryNanos), 50);
    reference.add(LatencyGrid.index(referenceNanos), 450);
    return new BlockLatency.Second(second, revision, w, canary, 1 - w, reference);
  }

  @Test
  void aLiveControlOfEqualShareIsComparedWhole() {
    BlockLatency process = new BlockLatency(BlockLatency.Parameters.of(.9, .1, 1));
    for (int second = 0; second < 20; second++) {
      SparseHistogram canary = new SparseHistogram();
      SparseHistogram control = new SparseHistogram();
      canary.add(LatencyGrid.index(2_000_000), 50);
      control.add(LatencyGrid.index(1_000_000), 50);
      process.add(new BlockLatency.Second(second, 0, .1, canary, .1, control));
    }
    assertTrue(process.logEAgainst() > Math.log(100));
    assertEquals(16, process.judgedBlocks());
    assertEquals(4, process.tiedBlocks()); // Until the history holds 200 latencies.
  }

  @Test
  void aBlockWithTwoRevisionsIsDiscarded() {
    BlockLatency.Parameters parameters = new BlockLatency.Parameters(.95, .1, 4, 1, 5, 60, 60, 200);
    BlockLatency process = new BlockLatency(parameters);
    for (int second = 0; second < 12; second++) {
      process.add(second(second, second < 7 ? 0 : 1, second < 7 ? .1 : .25, 2_000_000, 1_000_000));
    }
    assertEquals(1, process.discardedBlocks());
    assertEquals(1, process.judgedBlocks());
    assertEquals(1, process.tiedBlocks());
  }

  @Test
  void secondsMayBeMissingButNotComeBack() {
    BlockLatency process = new BlockLatency(BlockLatency.Parameters.of(.95, .1, 1));
    process.add(second(5, 0, .1, 1_000_000, 1_000_000));
    process.add(second(90, 0, .1, 1_000_000, 1_000_000));
    assertThrows(
        IllegalArgumentException.class, () -> process.add(second(90, 0, .1, 1_000_000, 1_000_000)));
  }

  @Test
  void armsWithoutTrafficGiveNoEvidence() {
    BlockLatency process = new BlockLatency(BlockLatency.Parameters.of(.95, .1, 1));
    for (int second = 0; second < 10; second++) {
      process.add(
          new BlockLatency.Second(second, 0, 0, new SparseHistogram(), 1, new SparseHistogram()));
    }
    for (int second = 10; second < 20; second++) {
      process.add(second(second, 1, 0, 5_000_000, 1_000_000));
    }
    assertEquals(0, process.judgedBlocks());
    assertEquals(0, process.logEAgainst(), 1e-15);
  }

  @Test
  void theSameLogGivesTheSameBits() {
    long[] bits = new long[2];
    for (int i = 0; i < 2; i++) {
      BlockLatency process = new BlockLatency(BlockLatency.Parameters.of(.95, .1, 42));
      SplittableRandom random = new SplittableRandom(11);
      Arm arm = new Arm(1, 0);
      for (int second = 0; second < 30; second++) {
        SparseHistogram canary = new SparseHistogram();
        SparseHistogram baseline = new SparseHistogram();
        for (int k = 0; k < 300; k++) {
          (k % 10 == 0 ? canary : baseline).record(arm.nanos(random));
        }
        process.add(new BlockLatency.Second(second, 0, .1, canary, .9, baseline));
      }
      bits[i] = Double.doubleToLongBits(process.logEAgainst());
    }
    assertEquals(bits[0], bits[1]);
  }
}
