package dev.understudy.comparator.intake;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.SliceTally;
import java.util.List;
import org.junit.jupiter.api.Test;

class TallyCheckTest {
  private static PairTally.Builder sound() {
    return PairTally.newBuilder()
        .setRole(Role.SHADOW)
        .setPairs(10)
        .addAllDivergence(List.of(0, 7, 1024))
        .addAllDivergenceCount(List.of(5L, 3L, 2L))
        .addAllCancelled(List.of(-1024, 0, 1024))
        .addAllCancelledCount(List.of(4L, 4L, 4L));
  }

  @Test
  void aTallyThatCanBeCountedHasNoProblem() {
    assertNull(TallyCheck.problem(sound().build()));
    assertNull(TallyCheck.problem(PairTally.newBuilder().setRole(Role.SHADOW).build()));
  }

  @Test
  void whatCannotBeCountedIsFoundOut() {
    List<PairTally.Builder> broken =
        List.of(
            sound().setRole(Role.CANARY),
            sound().setRoleValue(99),
            sound().setPairs(-1),
            sound().setPairs(9),
            sound().addDivergence(1025).addDivergenceCount(0),
            sound().addDivergence(1024).addDivergenceCount(0),
            sound().addDivergenceCount(1),
            sound().setDivergenceCount(0, -1),
            sound().setDivergenceCount(0, Long.MAX_VALUE),
            sound().setCancelled(0, -1025),
            sound().addCancelledCount(1),
            sound().setComparedWithDecision(-1),
            sound().addToPositiveByBand(1),
            sound().addSlices(SliceTally.newBuilder().addDivergence(3)));
    for (PairTally.Builder tally : broken) {
      assertNotNull(TallyCheck.problem(tally.build()), tally::toString);
    }
  }
}
