package dev.understudy.comparator.intake;

import static dev.understudy.comparator.intake.Blocks.block;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.JoinedBlock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BlockJoinTest {
  private static final long MILLI = 1_000_000L;
  private static final long SECOND = 1000 * MILLI;

  // Shortly after all seconds of these tests but those that say otherwise.
  private static final long NOW = 106_000;

  private final BlockJoin join = new BlockJoin(Duration.ofMillis(500).toNanos());

  private BlockJoin.Offer offer(EvidenceBlock block, long nowNanos) {
    return join.offer(block, nowNanos, NOW);
  }

  private List<Long> taken(long nowNanos) {
    return join.take(nowNanos).stream().map(BlockJoin.Second::second).toList();
  }

  @Test
  void aLonelyRoutersSecondIsCompleteAtOnce() {
    offer(block("a", 1, 100), 0);
    assertEquals(List.of(100L), taken(0));
    assertEquals(0, join.bytes());
  }

  @Test
  void aSecondWaitsForEveryLiveRouter() {
    offer(block("a", 1, 100), 0);
    offer(block("b", 1, 100), 0);
    assertEquals(List.of(100L), taken(0));
    offer(block("a", 2, 101), SECOND);
    assertEquals(List.of(), taken(SECOND));
    offer(block("b", 2, 101), SECOND + MILLI);
    assertEquals(List.of(101L), taken(SECOND + MILLI));
  }

  @Test
  void aSecondDoesNotWaitBeyondTheSkewBound() {
    offer(block("a", 1, 100), 0);
    offer(block("b", 1, 100), 0);
    taken(0);
    offer(block("a", 2, 101), SECOND);
    assertEquals(List.of(), taken(SECOND + 499 * MILLI));
    assertEquals(List.of(101L), taken(SECOND + 500 * MILLI));
  }

  @Test
  void aRouterThatHasFallenSilentIsNotWaitedFor() {
    offer(block("a", 1, 100), 0);
    offer(block("b", 1, 100), 0);
    taken(0);
    offer(block("a", 2, 105), 5 * SECOND);
    assertEquals(List.of(105L), taken(5 * SECOND));
  }

  @Test
  void aBacklogOfTwoRoutersIsJoinedHoweverOldItIs() {
    join.expect("a", 0);
    join.expect("b", 0);
    for (int i = 0; i < 5; i++) {
      offer(block("a", i + 1, 100 + i), 0);
    }
    assertEquals(List.of(), taken(MILLI));
    for (int i = 0; i < 5; i++) {
      offer(block("b", i + 1, 100 + i), MILLI);
    }
    List<BlockJoin.Second> seconds = join.take(MILLI);
    assertEquals(5, seconds.size());
    seconds.forEach(second -> assertEquals(2, second.blocks().size()));
  }

  @Test
  void whatComesTwiceIsTakenOnce() {
    assertEquals(BlockJoin.Offer.TAKEN, offer(block("a", 1, 100), 0));
    assertEquals(BlockJoin.Offer.DUPLICATE, offer(block("a", 1, 100), 0));
    join.known(new Boot("b", "b-boot"), 7);
    assertEquals(BlockJoin.Offer.DUPLICATE, offer(block("b", 7, 100), 0));
    assertEquals(BlockJoin.Offer.TAKEN, offer(block("b", 8, 100), 0));
  }

  @Test
  void anOlderSecondNeverComesAfterAYoungerOfTheSameTake() {
    offer(block("a", 1, 102), 0);
    offer(block("a", 2, 101), 0);
    offer(block("a", 3, 100), 0);
    assertEquals(List.of(100L, 101L, 102L), taken(0));
  }

  @Test
  void theOrderOfArrivalDoesNotChangeTheMergedSecond() {
    List<EvidenceBlock> blocks = new ArrayList<>();
    for (String router : List.of("a", "b", "c")) {
      for (int i = 1; i <= 2; i++) {
        blocks.add(block(router, i, 100, "r", "other"));
      }
    }
    blocks.sort(BlockMerge.ORDER);
    JoinedBlock expected = BlockMerge.merge("r", 100, false, blocks);
    assertEquals(3, expected.getRouters());
    assertEquals(6, expected.getSourcesCount());
    assertEquals(2, expected.getCellsCount());
    assertEquals(6 * 75, expected.getCells(0).getAssigned());
    assertEquals(6 * 25, expected.getCells(1).getLatency().getCount(0));
    Random random = new Random(1);
    for (int run = 0; run < 20; run++) {
      List<EvidenceBlock> shuffled = new ArrayList<>(blocks);
      Collections.shuffle(shuffled, random);
      BlockJoin fresh = new BlockJoin(0);
      shuffled.forEach(block -> fresh.offer(block, 0, NOW));
      assertEquals(expected, BlockMerge.merge("r", 100, false, fresh.take(0).get(0).blocks()));
    }
  }

  @Test
  void aSecondThatOurClockHasNotReachedIsLetGoAtOnceAndHoldsNobodyUp() {
    offer(block("a", 1, 100), 0);
    assertEquals(List.of(100L), taken(0));
    for (int i = 0; i < 3; i++) {
      // "fast" is an hour ahead; "a" goes on as before.
      assertEquals(BlockJoin.Offer.AHEAD, offer(block("fast", i + 1, 13_600 + i), i * SECOND));
      assertEquals(BlockJoin.Offer.TAKEN, offer(block("a", i + 2, 101 + i), i * SECOND));
      List<BlockJoin.Second> seconds = join.take(i * SECOND);
      assertEquals(
          List.of(101L + i, 13_600L + i), seconds.stream().map(BlockJoin.Second::second).toList());
      assertEquals(List.of(false, true), seconds.stream().map(BlockJoin.Second::ahead).toList());
    }
    assertEquals(0, join.bytes());
    assertEquals(BlockJoin.Offer.DUPLICATE, offer(block("fast", 1, 13_600), 3 * SECOND));
  }

  @Test
  void aSecondIsAheadWhenItHasNotEndedByOurClockWithTheSkewBound() {
    // Second 9 ends at 10,000 ms.
    for (long[] late : new long[][] {{9_499, 1}, {9_500, 0}, {10_000, 0}, {9_000, 1}}) {
      BlockJoin fresh = new BlockJoin(Duration.ofMillis(500).toNanos());
      assertEquals(
          late[1] == 1 ? BlockJoin.Offer.AHEAD : BlockJoin.Offer.TAKEN,
          fresh.offer(block("a", 1, 9), 0, late[0]),
          "at " + late[0]);
    }
  }

  @Test
  void aRouterWhoseClockIsBehindDelaysOthersByTheSkewBoundOnceItHasBeenHeardForTenSeconds() {
    offer(block("a", 1, 100), 0);
    offer(block("slow", 1, 40), 0);
    assertEquals(List.of(40L), taken(0));
    for (int i = 1; i < 10; i++) {
      offer(block("slow", i + 1, 40 + i), i * SECOND);
      assertEquals(List.of(40L + i), taken(i * SECOND));
    }
    assertEquals(List.of(100L), taken(10 * SECOND));
    for (int i = 1; i <= 5; i++) {
      // Every five seconds only, so that it is forgotten between: that earns it no patience.
      long now = (10 + 5 * i) * SECOND;
      offer(block("a", i + 1, 100 + i), now);
      offer(block("slow", i + 10, 49 + i), now);
      assertEquals(List.of(49L + i), taken(now));
      assertEquals(List.of(100L + i), taken(now + 500 * MILLI));
    }
  }

  @Test
  void aBacklogWaitsForTheOtherRouterThatIsComingBack() {
    join.expect("a", 0);
    join.expect("b", 0);
    for (int i = 0; i < 50; i++) {
      offer(block("a", i + 1, 40 + i), SECOND);
    }
    assertEquals(List.of(), taken(4 * SECOND));
    for (int i = 0; i < 50; i++) {
      // Brings its seconds one by one, for longer than the skew bound.
      long now = 4 * SECOND + i * 50L * MILLI;
      offer(block("b", i + 1, 40 + i), now);
      List<BlockJoin.Second> seconds = join.take(now);
      assertEquals(1, seconds.size());
      assertEquals(2, seconds.get(0).blocks().size());
    }
  }

  @Test
  void aRouterThatDoesNotComeBackIsWaitedForTenSeconds() {
    join.expect("gone", 0);
    offer(block("a", 1, 100), SECOND);
    assertEquals(List.of(), taken(9 * SECOND));
    assertEquals(List.of(100L), taken(10 * SECOND + 500 * MILLI));
  }
}
