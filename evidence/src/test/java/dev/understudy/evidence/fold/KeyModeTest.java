package dev.understudy.evidence.fold;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.evidence.process.Direction;
import dev.understudy.evidence.process.MarginProcess;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.Role;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Sticky users: a few call most of the time, some fail every second time, and nobody changes. */
class KeyModeTest {
  private static final int SECONDS = 180;

  private static FailuresFold failures() {
    return new FailuresFold(
        Logs.failures(), Logs.spec(Logs.failures()).setUnit(RandomisationUnit.KEY).build());
  }

  private static Cell.Builder cell(int revision, int bp, boolean canary) {
    return Logs.head(canary ? Role.CANARY : Role.CHAMPION, bp, 0).setDecisionRevision(revision);
  }

  private static BlockView view(KeyLedger keys, long second, Cell.Builder... cells) {
    return view(keys, second, false, cells);
  }

  private static BlockView view(KeyLedger keys, long second, boolean late, Cell.Builder... cells) {
    JoinedBlock.Builder block = JoinedBlock.newBuilder().setSecond(second).setLate(late);
    for (Cell.Builder cell : cells) {
      block.addCells(cell);
    }
    return BlockView.of(block.build(), RandomisationUnit.KEY, keys, new Versions("7", "8"));
  }

  private static BlockView.Group only(BlockView view) {
    return view.groups().values().iterator().next();
  }

  /** A rank from 1 to {@code users} with chances falling as 1/rank. */
  private static int zipf(SplittableRandom random, int users) {
    return (int) Math.exp(random.nextDouble() * Math.log(users + 1.0));
  }

  /** Whether the evidence against ever reached 20 with Zipf users, stepping weights. */
  private static boolean stopped(SplittableRandom random, double canaryFactor) {
    KeyLedger keys = new KeyLedger(KeyLedger.DEFAULT_CAPACITY);
    FailuresFold fold = failures();
    int users = 20_000;
    long salt = random.nextLong();
    Set<Long> seen = new HashSet<>();
    Set<Long> bad = new HashSet<>();
    for (int second = 0; second < SECONDS; second++) {
      int step = second / (SECONDS / 3);
      int bp = new int[] {500, 1000, 2500}[step];
      Cell.Builder canary = cell(step, bp, true);
      Cell.Builder champion = cell(step, bp, false);
      for (int i = 0; i < 50; i++) {
        int user = zipf(random, users);
        long key = new SplittableRandom(salt + user).nextLong();
        boolean onCanary = new SplittableRandom(~key).nextInt(10_000) < bp;
        Cell.Builder arm = onCanary ? canary : champion;
        if (seen.add(key)) {
          arm.addFirstSeenKeys(key);
        }
        // One user in ten fails every third time.
        double risk = user % 10 == 3 ? 0.33 : 0.005;
        if (random.nextDouble() < risk * (onCanary ? canaryFactor : 1) && bad.add(key)) {
          arm.addFirstBadKeys(key);
        }
      }
      fold.block(view(keys, second, canary, champion));
      if (fold.logAgainst() >= Math.log(20)) {
        return true;
      }
    }
    return false;
  }

  @Test
  void equalArmsWithStickyUsersAreStoppedNoMoreOftenThanStated() {
    int runs = 120;
    int stopped = 0;
    SplittableRandom seeds = new SplittableRandom(20260103);
    for (int run = 0; run < runs; run++) {
      stopped += stopped(seeds.split(), 1) ? 1 : 0;
    }
    assertTrue(
        stopped <= runs * (0.05 + 3 * Math.sqrt(0.05 * 0.95 / runs)), stopped + " of " + runs);
  }

  @Test
  void aCanaryThatFailsMoreUsersIsStopped() {
    int found = 0;
    SplittableRandom seeds = new SplittableRandom(20260104);
    for (int run = 0; run < 10; run++) {
      found += stopped(seeds.split(), 10) ? 1 : 0;
    }
    assertTrue(found >= 9, found + " of 10");
  }

  private record Failure(long second, long key, boolean canary) {}

  /**
   * Whether the proof ever reached 20 while exactly one key in a hundred more fails on the canary,
   * within its minute and late in it.
   *
   * @param whenSeen feed a bare process with keys as good when first seen and as bad when they fail
   */
  private static boolean proved(SplittableRandom random, boolean whenSeen) {
    KeyLedger keys = new KeyLedger(KeyLedger.DEFAULT_CAPACITY);
    FailuresFold fold = failures();
    MarginProcess bare = new MarginProcess(new MarginProcess.Parameters(Direction.PROMOTE, 0.01));
    Map<Long, Queue<Failure>> later = new HashMap<>();
    int bp = 2500;
    for (int second = 0; second < SECONDS; second++) {
      Cell.Builder canary = cell(1, bp, true);
      Cell.Builder champion = cell(1, bp, false);
      for (int i = 0; i < 60; i++) {
        long key = random.nextLong();
        boolean onCanary = random.nextInt(10_000) < bp;
        (onCanary ? canary : champion).addFirstSeenKeys(key);
        if (random.nextDouble() < (onCanary ? 0.02 : 0.01)) {
          long at = second + 30L + random.nextInt(30);
          later.computeIfAbsent(at, s -> new ArrayDeque<>()).add(new Failure(at, key, onCanary));
        }
      }
      for (Failure failure : later.getOrDefault((long) second, new ArrayDeque<>())) {
        (failure.canary() ? canary : champion).addFirstBadKeys(failure.key());
      }
      if (whenSeen) {
        bare.add(
            0.25,
            canary.getFirstSeenKeysCount(),
            canary.getFirstBadKeysCount(),
            champion.getFirstSeenKeysCount(),
            champion.getFirstBadKeysCount());
      }
      fold.block(view(keys, second, canary, champion));
      if ((whenSeen ? bare.logE() : fold.logFor()) >= Math.log(20)) {
        return true;
      }
    }
    return false;
  }

  private static int proved(int runs, boolean whenSeen) {
    int proved = 0;
    SplittableRandom seeds = new SplittableRandom(20260105);
    for (int run = 0; run < runs; run++) {
      proved += proved(seeds.split(), whenSeen) ? 1 : 0;
    }
    return proved;
  }

  @Test
  void exactlyOnTheMarginKeysProveNoMoreOftenThanStated() {
    int runs = 100;
    int proved = proved(runs, false);
    assertTrue(proved <= runs * (0.05 + 3 * Math.sqrt(0.05 * 0.95 / runs)), proved + " of " + runs);
  }

  /** Why keys are finished first: counted as good when first seen, they prove what is not so. */
  @Test
  void countedAsGoodWhenFirstSeenKeysWouldProveWhatIsNotSo() {
    int proved = proved(40, true);
    assertTrue(proved > 20, proved + " of 40");
  }

  /** Both arms as two routers tell of them: one on time, one {@code lag} seconds later. */
  private static final class Routers {
    final Map<Long, Cell.Builder[]> late = new HashMap<>();
    final Map<Long, Cell.Builder[]> onTime = new HashMap<>();
    final int bp;

    Routers(int bp) {
      this.bp = bp;
    }

    Cell.Builder at(boolean lateOne, long second, boolean canary) {
      return (lateOne ? late : onTime)
          .computeIfAbsent(second, s -> new Cell.Builder[] {cell(1, bp, false), cell(1, bp, true)})[
          canary ? 1 : 0];
    }
  }

  /**
   * Whether the proof ever reached 20 with three failing keys in a hundred more on the canary.
   *
   * @param margin that is allowed
   * @param lag of the router that half of the traffic takes
   * @param sticky whether a key stays on its router; else a key fails through either of them,
   *     wherever it was first seen
   */
  private static boolean provedWithALateRouter(
      SplittableRandom random, double margin, int lag, boolean sticky) {
    KeyLedger keys = new KeyLedger(KeyLedger.DEFAULT_CAPACITY);
    FailuresFold fold =
        new FailuresFold(
            Logs.failures().toBuilder().setMargin(margin).build(),
            Logs.spec(Logs.failures()).setUnit(RandomisationUnit.KEY).build());
    Routers routers = new Routers(2500);
    for (int second = 0; second < 2 * SECONDS; second++) {
      for (int i = 0; i < 60; i++) {
        long key = random.nextLong();
        boolean onCanary = random.nextInt(10_000) < 2500;
        boolean here = random.nextBoolean();
        boolean there = sticky ? here : random.nextBoolean();
        routers.at(here, second, onCanary).addFirstSeenKeys(key);
        if (random.nextDouble() < (onCanary ? 0.04 : 0.01)) {
          routers.at(there, second + random.nextInt(50), onCanary).addFirstBadKeys(key);
        }
      }
      Cell.Builder[] now = routers.onTime.get((long) second);
      if (now != null) {
        fold.block(view(keys, second, now));
      }
      Cell.Builder[] then = routers.late.get((long) second - lag);
      if (then != null) {
        fold.block(view(keys, second - lag, true, then));
      }
      if (fold.logFor() >= Math.log(20)) {
        return true;
      }
    }
    return false;
  }

  private static int provedWithALateRouter(int runs, double margin, int lag, boolean sticky) {
    int proved = 0;
    SplittableRandom seeds = new SplittableRandom(20260106);
    for (int run = 0; run < runs; run++) {
      proved += provedWithALateRouter(seeds.split(), margin, lag, sticky) ? 1 : 0;
    }
    return proved;
  }

  @Test
  void withARouterThatLagsKeysExactlyOnTheMarginProveNoMoreOftenThanStated() {
    int runs = 24;
    double most = runs * (0.05 + 3 * Math.sqrt(0.05 * 0.95 / runs));
    int stickyKeys = provedWithALateRouter(runs, 0.03, 90, true);
    assertTrue(stickyKeys <= most, stickyKeys + " of " + runs);
    int onBothRouters = provedWithALateRouter(runs, 0.03, 45, false);
    assertTrue(onBothRouters <= most, onBothRouters + " of " + runs);
  }

  @Test
  void withARouterThatLagsWhatIsBeyondTheMarginIsNotProvedAndWhatIsWithinItIs() {
    assertEquals(0, provedWithALateRouter(8, 0.02, 90, true));
    int within = provedWithALateRouter(5, 0.08, 90, true);
    assertTrue(within >= 4, within + " of 5");
  }

  @Test
  void whileARouterLagsTrialsWaitLongerByAsMuch() {
    KeyLedger keys = new KeyLedger(100);
    view(keys, 1, cell(1, 2500, true).addFirstSeenKeys(1));
    view(keys, 31, cell(1, 2500, true).addFirstSeenKeys(2));
    // Counted for the split, and no part of a trial.
    BlockView late = view(keys, 11, true, cell(1, 2500, true).addFirstSeenKeys(3));
    assertEquals(1, only(late).canary.assigned);
    assertEquals(List.of(), view(keys, 80, cell(1, 2500, false)).outcomes());
    view(keys, 60, true, cell(1, 2500, true).addFirstBadKeys(1));
    assertEquals(
        List.of(new BlockView.Outcomes(0.25, 0, 1, 0, 0)),
        view(keys, 81, cell(1, 2500, false)).outcomes());
    // When no late second has come for long enough, nothing is waited for.
    assertEquals(
        List.of(new BlockView.Outcomes(0.25, 1, 0, 0, 0)),
        view(keys, 161, cell(1, 2500, false)).outcomes());
  }

  @Test
  void cleanKeysAreProvedWhenTheirMinuteIsOver() {
    Logs logs = new Logs().add(Logs.spec(Logs.failures()).setUnit(RandomisationUnit.KEY));
    long key = 0;
    for (int second = 0; second < 100; second++) {
      Cell.Builder canary = cell(1, 2500, true).setAssigned(25);
      Cell.Builder champion = cell(1, 2500, false).setAssigned(75);
      for (int i = 0; i < 25; i++) {
        canary.addFirstSeenKeys(key++);
      }
      for (int i = 0; i < 75; i++) {
        champion.addFirstSeenKeys(key++);
      }
      logs.block(canary.build(), champion.build());
      if (second == 30) {
        assertEquals("no keys yet", Logs.only(logs.report()).getStatement());
      }
    }
    MetricReport report = Logs.only(logs.report());
    assertEquals(40 * 100, report.getObservations());
    assertEquals(
        "proved: share of keys that fail within 60 s of being first seen at most 1 point higher",
        report.getStatement());
  }

  @Test
  void aKeyThatIsFirstSeenGoodAndFailsLaterIsOneKeyWithABadOutcome() {
    KeyLedger keys = new KeyLedger(100);
    view(keys, 1, cell(1, 2500, true).addAllFirstSeenKeys(List.of(1L, 2L)));
    view(keys, 40, cell(1, 2500, true).addFirstBadKeys(2));
    view(keys, 41, cell(1, 2500, true).addFirstBadKeys(2));
    // From another router, which had not seen it before.
    view(keys, 42, cell(1, 2500, true).addFirstSeenKeys(2).addFirstBadKeys(2));
    assertEquals(
        List.of(new BlockView.Outcomes(0.25, 1, 1, 0, 0)),
        view(keys, 61, cell(1, 2500, false).addFirstSeenKeys(3)).outcomes());
    // Fails after its minute: evidence against, and no longer part of the proof.
    BlockView late = view(keys, 70, cell(1, 2500, true).addFirstBadKeys(1));
    assertEquals(List.of(), late.outcomes());
    assertEquals(1, only(late).canary.bad);
  }

  @Test
  void keysUnderWayWhenTheWeightChangesAreLeftOutFailedOrNot() {
    KeyLedger keys = new KeyLedger(100);
    view(keys, 1, cell(1, 500, true).addFirstSeenKeys(1), cell(1, 500, false).addFirstSeenKeys(2));
    view(keys, 2, cell(1, 500, true).addFirstBadKeys(1));
    view(keys, 3, cell(2, 2500, false).addFirstSeenKeys(4));
    // A call of before the change that ends after it.
    view(keys, 4, cell(1, 500, false).addFirstSeenKeys(5).addFirstBadKeys(2));
    assertEquals(
        List.of(new BlockView.Outcomes(0.25, 0, 0, 1, 0)),
        view(keys, 100, cell(2, 2500, false).addFirstSeenKeys(6)).outcomes());
    view(keys, 101, cell(3, 0, false).addFirstSeenKeys(7));
    assertEquals(List.of(), view(keys, 300, cell(4, 2500, false).addFirstSeenKeys(8)).outcomes());
  }

  @Test
  void keysOfAPhaseWithoutASplitAreNotPartOfTheTrial() {
    KeyLedger keys = new KeyLedger(100);
    BlockView shadow = view(keys, 1, cell(1, 0, false).addFirstSeenKeys(1).addFirstBadKeys(1));
    assertEquals(0, only(shadow).baseline.assigned);
    BlockView canary = view(keys, 2, cell(2, 500, true).addFirstSeenKeys(1).addFirstBadKeys(1));
    assertEquals(1, only(canary).canary.assigned);
    assertEquals(1, only(canary).canary.bad);
  }
}
