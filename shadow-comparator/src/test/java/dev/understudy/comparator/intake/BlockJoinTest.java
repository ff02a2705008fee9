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

  private final BlockJoin join = new BlockJoin(Duration.ofMillis(500).toNanos());

  private List<Long> taken(long nowNanos) {
    return join.take(nowNanos).stream().map(BlockJoin.Second::second).toList();
  }

  @Test
  void aLonelyRoutersSecondIsCompleteAtOnce() {
    join.offer(block("a", 1, 100), 0);
    assertEquals(List.of(100L), taken(0));
    assertEquals(0, join.bytes());
  }

  @Test
  void aSecondWaitsForEveryLiveRouter() {
    join.offer(block("a", 1, 100), 0);
    join.offer(block("b", 1, 100), 0);
    assertEquals(List.of(100L), taken(0));
    join.offer(block("a", 2, 101), SECOND);
    assertEquals(List.of(), taken(SECOND));
    join.offer(block("b", 2, 101), SECOND + MILLI);
    assertEquals(List.of(101L), taken(SECOND + MILLI));
  }

  @Test
  void aSecondDoesNotWaitBeyondTheSkewBound() {
    join.offer(block("a", 1, 100), 0);
    join.offer(block("b", 1, 100), 0);
    taken(0);
    join.offer(block("a", 2, 101), SECOND);
    assertEquals(List.of(), taken(SECOND + 499 * MILLI));
    assertEquals(List.of(101L), taken(SECOND + 500 * MILLI));
  }

  @Test
  void aRouterThatHasFallenSilentIsNotWaitedFor() {
    join.offer(block("a", 1, 100), 0);
    join.offer(block("b", 1, 100), 0);
    taken(0);
    join.offer(block("a", 2, 105), 5 * SECOND);
    assertEquals(List.of(105L), taken(5 * SECOND));
  }

  @Test
  void aBacklogOfTwoRoutersIsJoinedHoweverOldItIs() {
    join.expect("a", 0);
    join.expect("b", 0);
    for (int i = 0; i < 5; i++) {
      join.offer(block("a", i + 1, 100 + i), 0);
    }
    assertEquals(List.of(), taken(MILLI));
    for (int i = 0; i < 5; i++) {
      join.offer(block("b", i + 1, 100 + i), MILLI);
    }
    List<BlockJoin.Second> seconds = join.take(MILLI);
    assertEquals(5, seconds.size());
    seconds.forEach(second -> assertEquals(2, second.blocks().size()));
  }

  @Test
  void whatComesTwiceIsTakenOnce() {
    assertEquals(BlockJoin.Offer.TAKEN, join.offer(block("a", 1, 100), 0));
    assertEquals(BlockJoin.Offer.DUPLICATE, join.offer(block("a", 1, 100), 0));
    join.known(new Boot("b", "b-boot"), 7);
    assertEquals(BlockJoin.Offer.DUPLICATE, join.offer(block("b", 7, 100), 0));
    assertEquals(BlockJoin.Offer.TAKEN, join.offer(block("b", 8, 100), 0));
  }

  @Test
  void anOlderSecondNeverComesAfterAYoungerOfTheSameTake() {
    join.offer(block("a", 1, 102), 0);
    join.offer(block("a", 2, 101), 0);
    join.offer(block("a", 3, 100), 0);
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
      shuffled.forEach(block -> fresh.offer(block, 0));
      assertEquals(expected, BlockMerge.merge("r", 100, false, fresh.take(0).get(0).blocks()));
    }
  }
}
