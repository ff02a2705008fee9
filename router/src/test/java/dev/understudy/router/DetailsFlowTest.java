package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.testing.ManualScheduler;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.PayloadRecord;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.proto.v1.ServerTiming;
import dev.understudy.proto.v1.SliceCell;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceRule;
import dev.understudy.proto.v1.StageSums;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.Status;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a cell tells beside its counts, and the arms of a watch after a promotion. */
class DetailsFlowTest {
  private static DataContract sliced() {
    return MirrorFlowTest.contract(true).toBuilder()
        .addSlices(SliceRule.newBuilder().setName("who").setPrincipal(true))
        .addSlices(
            SliceRule.newBuilder().setName("rows").setBatchSize(true).addEdges(2).addEdges(5))
        .build();
  }

  private static Map<String, Long> good(Rig rig, Role role) {
    Map<String, Long> good = new HashMap<>();
    rig.cells(role)
        .flatMap(cell -> cell.getSlicesList().stream())
        .forEach(slice -> good.merge(name(slice.getLabel()), slice.getOk(), Long::sum));
    return good;
  }

  private static String name(SliceLabel label) {
    return label.getSlice() + "=" + label.getValue();
  }

  @Test
  void everyJudgedCallIsCountedInItsSlices() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 10_000, 0, route -> route.setContract(sliced()));
      // Two rows, one value of mcc twice: the call counts once.
      rig.inferMany(30, request -> FakeBackend.request(Rig.MODEL, 5, 77, 5411, 500, 77, 5411));
      // Pinned: served, not judged.
      rig.inferMany(3, request -> request.toBuilder().setModelVersion("2").build());
      Rig.eventually("all are counted", () -> rig.outcomes(Role.CANARY, Outcome.OK) == 30);
      Rig.eventually("slices too", () -> good(rig, Role.CANARY).size() == 5);
      assertEquals(
          Map.of(
              "amount=<10", 30L,
              "amount=>=100", 30L,
              "mcc=5411", 30L,
              "who=anonymous", 30L,
              "rows=2..5", 30L),
          named(good(rig, Role.CANARY)));
      rig.canary.behave(FakeBackend.failing(Status.INTERNAL));
      assertEquals(Map.of("version 1", 4), rig.inferMany(4, request -> request));
      Rig.eventually(
          "bad ones count for the canary's slices",
          () ->
              rig.cells(Role.CANARY)
                      .flatMap(cell -> cell.getSlicesList().stream())
                      .filter(slice -> name(slice.getLabel()).equals("amount=<10"))
                      .mapToLong(SliceCell::getBad)
                      .sum()
                  == 4);
      assertEquals(0, rig.cells(Role.CHAMPION).mapToLong(Cell::getSlicesCount).sum());
    }
  }

  /** The caller of these tests has no key: its hash stands for "anonymous". */
  private static Map<String, Long> named(Map<String, Long> slices) {
    Map<String, Long> named = new HashMap<>();
    slices.forEach((name, count) ->
        named.put(name.matches("who=[0-9a-f]{12}") ? "who=anonymous" : name, count));
    return named;
  }

  @Test
  void comparisonsAndPayloadsCarryTheLabelsOfTheCells() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 0, 10_000, route -> route.setContract(sliced()).setPayloadSampleBp(10_000));
      rig.stub().modelInfer(FakeBackend.request(Rig.MODEL, 50, 77, 5411));
      Rig.eventually("the comparison comes", () -> rig.receivers.comparisons().size() == 1);
      Rig.eventually("payloads come", () -> rig.receivers.payloads().size() == 2);
      Rig.eventually("slices come", () -> good(rig, Role.CHAMPION).size() == 4);
      Comparison comparison = rig.receivers.comparisons().getFirst();
      List<SliceLabel> labels = comparison.getRows(0).getLabelsList();
      assertEquals(
          good(rig, Role.CHAMPION).keySet(),
          Map.copyOf(
                  labels.stream()
                      .collect(java.util.stream.Collectors.toMap(DetailsFlowTest::name, l -> 1)))
              .keySet());
      for (PayloadRecord payload : rig.receivers.payloads()) {
        assertEquals(labels, payload.getSlicesList());
      }
    }
  }

  @Test
  void withoutSlicesOrARolloutNothingOfThemIsTold() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 10_000, 0, route -> route);
      rig.inferMany(5, request -> request);
      Rig.eventually("all are counted", () -> rig.ended(Role.CANARY) == 5);
      assertEquals(0, rig.cells(Role.CANARY).mapToLong(Cell::getSlicesCount).sum());
      rig.offer(2, 10_000, 0, route -> route.clearRolloutId().setContract(sliced()));
      rig.inferMany(5, request -> request);
      assertEquals(5, rig.ended(Role.CANARY));
    }
  }

  @Test
  void stagesAndMachinesAreTheServersWordWhereItGivesOne() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 10_000, 0, route -> route);
      // A server that says nothing: its endpoint's host, and no stages.
      rig.inferMany(3, request -> request);
      Rig.eventually("all are counted", () -> rig.ended(Role.CANARY) == 3);
      assertTrue(rig.cells(Role.CANARY).noneMatch(Cell::hasStages));
      assertEquals(
          List.of("127.0.0.1"),
          rig.cells(Role.CANARY).flatMap(cell -> cell.getNodesList().stream()).distinct().toList());
      rig.canary.tell(
          ServerTiming.newBuilder()
              .setQueueNanos(20_000)
              .setBatchWaitNanos(5_000)
              .setComputeInferNanos(10_000)
              .setBatchSize(4)
              .setNode("machine-7")
              .build());
      rig.inferMany(10, request -> request);
      Rig.eventually(
          "all are timed",
          () -> rig.cells(Role.CANARY).mapToLong(cell -> cell.getStages().getCalls()).sum() == 10);
      StageSums.Builder sums = StageSums.newBuilder();
      rig.cells(Role.CANARY)
          .map(Cell::getStages)
          .forEach(stages ->
              sums.setQueueMicros(sums.getQueueMicros() + stages.getQueueMicros())
                  .setBatchWaitMicros(sums.getBatchWaitMicros() + stages.getBatchWaitMicros())
                  .setComputeMicros(sums.getComputeMicros() + stages.getComputeMicros())
                  .setNetworkMicros(sums.getNetworkMicros() + stages.getNetworkMicros())
                  .setBatchRows(sums.getBatchRows() + stages.getBatchRows()));
      assertEquals(150, sums.getQueueMicros());
      assertEquals(50, sums.getBatchWaitMicros());
      assertEquals(100, sums.getComputeMicros());
      assertEquals(40, sums.getBatchRows());
      assertTrue(sums.getNetworkMicros() > 0);
      assertTrue(
          rig.cells(Role.CANARY).anyMatch(cell -> cell.getNodesList().contains("machine-7")));
      // What failed says nothing of where time went.
      rig.canary.behave(FakeBackend.failing(Status.INTERNAL));
      rig.inferMany(3, request -> request);
      Rig.eventually(
          "failures are counted", () -> rig.outcomes(Role.CANARY, Outcome.BAD_INTERNAL) == 3);
      assertEquals(10, rig.cells(Role.CANARY).mapToLong(cell -> cell.getStages().getCalls()).sum());
    }
  }

  /** After a promotion: version 2 is champion, version 1 keeps a share as control. */
  private static ModelRoute watched(Rig rig, int controlBp) {
    return rig.route(0, 0).toBuilder()
        .clearArms()
        .addArms(Rig.arm("champion", Role.CHAMPION, "2", rig.champion))
        .addArms(Rig.arm("control", Role.CONTROL, "1", rig.canary))
        .setControlWeightBp(controlBp)
        .build();
  }

  @Test
  void inAWatchTheFormerVersionKeepsItsShareAsControl() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, watched(rig, 3000));
      Map<String, Integer> results = rig.inferMany(300, request -> request);
      assertEquals(300, results.values().stream().mapToInt(Integer::intValue).sum());
      assertEquals(2, results.size(), results.toString());
      Rig.eventually(
          "all are counted", () -> rig.ended(Role.CHAMPION) + rig.ended(Role.CONTROL) == 300);
      assertEquals((long) results.getOrDefault("version 1", 0), rig.assigned(Role.CONTROL));
      assertTrue(rig.assigned(Role.CONTROL) > 50 && rig.assigned(Role.CONTROL) < 130);
      rig.cells(Role.CONTROL).forEach(cell -> assertEquals("1", cell.getVersion()));
      rig.cells(Role.CHAMPION).forEach(cell -> assertEquals("2", cell.getVersion()));
      for (EvidenceCell cell : cells(rig)) {
        assertEquals(new EvidenceCell("rollout-1", 0, 3000), cell);
      }
      // A client that pins the former version still gets it, and is not judged.
      assertEquals(
          Map.of("version 1", 5),
          rig.inferMany(5, request -> request.toBuilder().setModelVersion("1").build()));
      Rig.eventually(
          "they are left out",
          () -> rig.cells(Role.CONTROL).mapToLong(Cell::getLeftOut).sum() == 5);
    }
  }

  private record EvidenceCell(String rollout, int canaryBp, int controlBp) {}

  private static List<EvidenceCell> cells(Rig rig) {
    return rig.blocks().stream()
        .flatMap(block -> block.getCellsList().stream())
        .map(cell ->
            new EvidenceCell(
                cell.getRolloutId(), cell.getCanaryWeightBp(), cell.getControlWeightBp()))
        .toList();
  }

  @Test
  void aControlThatFailsIsRescuedByTheChampionAndCountsAsBad() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, watched(rig, 10_000));
      rig.canary.behave(FakeBackend.failing(Status.INTERNAL));
      assertEquals(Map.of("version 2", 50), rig.inferMany(50, request -> request));
      Rig.eventually("all are counted", () -> rig.ended(Role.CONTROL) == 50);
      assertEquals(50, rig.outcomes(Role.CONTROL, Outcome.BAD_INTERNAL));
      assertEquals(50, rig.cells(Role.CONTROL).mapToLong(Cell::getRescued).sum());
    }
  }

  @Test
  void theControlsShareFallsToTheChampionWhenTheLeaseRunsOut() throws Exception {
    ManualTime time = new ManualTime();
    try (Rig rig = Rig.watching(time, ManualScheduler.on(time), "")) {
      rig.offer(
          RoutingTable.newBuilder()
              .setEpoch(1)
              .setRevision(1)
              .setLeaseMs(60_000)
              .addModels(watched(rig, 10_000))
              .build());
      assertEquals(Map.of("version 1", 5), rig.inferMany(5, request -> request));
      time.advance(Duration.ofSeconds(60));
      assertEquals(Map.of("version 2", 5), rig.inferMany(5, request -> request));
      assertFalse(
          rig.inferMany(1, request -> request.toBuilder().setModelVersion("1").build())
              .containsKey("version 1"));
    }
  }
}
