package dev.understudy.comparator.intake;

import static dev.understudy.comparator.intake.Blocks.START;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.understudy.proto.v1.ArmState;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.SliceCell;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.StageSums;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BlockMergeTest {

  private static SliceCell slice(String value, long ok, long bad) {
    return SliceCell.newBuilder()
        .setLabel(SliceLabel.newBuilder().setSlice("country").setValue(value))
        .setOk(ok)
        .setBad(bad)
        .setLatency(LatencyCounts.newBuilder().addIndex(1700).addCount(ok + bad))
        .build();
  }

  private static EvidenceBlock block(String router, Cell.Builder... cells) {
    EvidenceBlock.Builder block =
        EvidenceBlock.newBuilder()
            .setRouter(router)
            .setBootId(router + "1")
            .setSequence(1)
            .setSecond(START);
    for (Cell.Builder cell : cells) {
      block.addCells(cell);
    }
    return block.build();
  }

  private static Cell.Builder cell(Role role) {
    return Blocks.cell("r", role, 10, 0).toBuilder();
  }

  private static List<String> values(Cell cell) {
    return cell.getSlicesList().stream().map(s -> s.getLabel().getValue()).toList();
  }

  @Test
  void slicesStagesAndNodesOfAllRoutersAddUp() {
    StageSums stages =
        StageSums.newBuilder()
            .setCalls(3)
            .setNetworkMicros(1)
            .setQueueMicros(2)
            .setBatchWaitMicros(4)
            .setComputeMicros(8)
            .setBatchRows(16)
            .build();
    JoinedBlock joined =
        BlockMerge.merge(
            "r",
            START,
            false,
            List.of(
                block(
                    "a",
                    cell(Role.CANARY)
                        .addSlices(slice("DE", 5, 1))
                        .addSlices(slice("UY", 1, 0))
                        .setStages(stages)
                        .addNodes("n2")
                        .addNodes("n3")),
                block(
                    "b",
                    cell(Role.CANARY)
                        .addSlices(slice("AT", 2, 0))
                        .addSlices(slice("DE", 4, 2))
                        .setStages(stages)
                        .addNodes("n1")
                        .addNodes("n2"))));
    Cell cell = joined.getCells(0);
    assertEquals(List.of("AT", "DE", "UY"), values(cell));
    assertEquals(slice("DE", 9, 3), cell.getSlices(1));
    assertEquals(6, cell.getStages().getCalls());
    assertEquals(
        List.of(2L, 4L, 8L, 16L, 32L),
        List.of(
            cell.getStages().getNetworkMicros(),
            cell.getStages().getQueueMicros(),
            cell.getStages().getBatchWaitMicros(),
            cell.getStages().getComputeMicros(),
            cell.getStages().getBatchRows()));
    assertEquals(List.of("n1", "n2", "n3"), cell.getNodesList());
  }

  @Test
  void tooManySlicesAreCutAlikeInEveryArmAndTheRestIsOther() {
    Cell.Builder canary = cell(Role.CANARY);
    Cell.Builder champion = cell(Role.CHAMPION);
    for (int i = 0; i < 100; i++) {
      String value = "v%03d".formatted(i);
      // Rare for the canary, often asked of the champion: 36..99 have the most calls together.
      canary.addSlices(slice(value, 0, 1));
      champion.addSlices(slice(value, i + 1, 0));
    }
    champion.addSlices(slice("other", 7, 0));
    JoinedBlock joined = BlockMerge.merge("r", START, false, List.of(block("a", canary, champion)));
    List<String> expected =
        new ArrayList<>(IntStream.range(36, 100).mapToObj("v%03d"::formatted).toList());
    expected.addFirst("other");
    Cell first = joined.getCells(0);
    Cell second = joined.getCells(1);
    assertEquals(expected, values(first));
    assertEquals(expected, values(second));
    assertEquals(slice("other", 7 + 36 * 37 / 2, 0), second(joined, Role.CHAMPION).getSlices(0));
    assertEquals(slice("other", 0, 36), second(joined, Role.CANARY).getSlices(0));
  }

  private static Cell second(JoinedBlock joined, Role role) {
    return joined.getCellsList().stream()
        .filter(cell -> cell.getRole() == role)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void nodesAreBounded() {
    Cell.Builder cell = cell(Role.CANARY);
    Cell.Builder more = cell(Role.CANARY);
    for (int i = 0; i < 16; i++) {
      cell.addNodes("a%02d".formatted(i));
      more.addNodes("b%02d".formatted(i));
    }
    JoinedBlock joined =
        BlockMerge.merge("r", START, false, List.of(block("a", cell), block("b", more)));
    assertEquals(cell.getNodesList(), joined.getCells(0).getNodesList());
  }

  @Test
  void anArmIsAsUnavailableAsItsWorstRouterSays() {
    EvidenceBlock a =
        block("a").toBuilder()
            .addArms(arm("r", Role.SHADOW, 0, 10))
            .addArms(arm("r", Role.CANARY, 1000, 0))
            .build();
    EvidenceBlock b =
        block("b").toBuilder()
            .addArms(arm("r", Role.CANARY, 20, 300))
            .addArms(arm("other", Role.CANARY, 0, 1000))
            .build();
    JoinedBlock joined = BlockMerge.merge("r", START, false, List.of(a, b));
    assertEquals(
        List.of(arm("r", Role.CANARY, 1000, 300), arm("r", Role.SHADOW, 0, 10)),
        joined.getArmsList());
  }

  private static ArmState arm(String rollout, Role role, int open, int notReady) {
    return ArmState.newBuilder()
        .setRolloutId(rollout)
        .setModel("fraud")
        .setRole(role)
        .setBreakerOpenMs(open)
        .setNotReadyMs(notReady)
        .build();
  }
}
