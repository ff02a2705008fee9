package dev.understudy.evidence.fold;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.evidence.latency.SparseHistogram;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LatencyReport;
import dev.understudy.proto.v1.PairCell;
import dev.understudy.proto.v1.QuantileReport;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.StageSums;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class LatencySidesTest {
  private static SparseHistogram latencies(long seed, int count, double medianNanos) {
    SplittableRandom random = new SplittableRandom(seed);
    SparseHistogram histogram = new SparseHistogram();
    for (int i = 0; i < count; i++) {
      histogram.record((long) (medianNanos * Math.exp(0.4 * random.nextGaussian())));
    }
    return histogram;
  }

  private static Cell cell(Role role, int count, double medianNanos, long computeMicros) {
    return Logs.cell(role, 2500, 2500, count, 0).toBuilder()
        .setLatency(Logs.latency(latencies(role.getNumber(), count, medianNanos)))
        .setStages(
            StageSums.newBuilder()
                .setCalls(count)
                .setNetworkMicros(300L * count)
                .setQueueMicros(200L * count)
                .setBatchWaitMicros(100L * count)
                .setComputeMicros(computeMicros * count)
                .setBatchRows(4L * count))
        .build();
  }

  private static LatencyReport report(Cell... cells) {
    return new Logs()
        .add(Logs.spec(Logs.failures(), Logs.latency()))
        .block(cells)
        .report()
        .getLatency();
  }

  @Test
  void theCanaryIsComparedWithTheControlAndNotWithTheBusyChampion() {
    LatencyReport report =
        report(
            cell(Role.CANARY, 20_000, 10e6, 9000),
            cell(Role.CONTROL, 20_000, 5e6, 4400),
            cell(Role.CHAMPION, 20_000, 50e6, 40_000));
    assertEquals(Role.CONTROL, report.getBaselineRole());
    QuantileReport median = report.getQuantiles(0);
    assertEquals(0.5, median.getQuantile());
    assertEquals(10e6, (double) median.getCanary(), 0.2e6);
    assertEquals(5e6, (double) median.getBaseline(), 0.1e6);
    for (QuantileReport q : report.getQuantilesList()) {
      double times = (double) q.getCanary() / (double) q.getBaseline();
      assertEquals(2, times, 0.25, q.toString());
      assertTrue(q.getCanaryLow() <= q.getCanary() && q.getCanary() <= q.getCanaryHigh());
      long difference = q.getCanary() - q.getBaseline();
      assertTrue(q.getDifferenceLow() <= difference && difference <= q.getDifferenceHigh());
    }
    assertEquals(
        4600,
        report.getCanary().getComputeMicros() - report.getBaseline().getComputeMicros(),
        1e-9);
    assertEquals(4, report.getCanary().getMeanBatchRows());
    assertTrue(
        report
            .getStatement()
            .endsWith("; the mean is 4.6 ms higher, of which 4.6 ms are spent computing"),
        report.getStatement());
    assertTrue(report.getStatement().startsWith("p95 is "), report.getStatement());
  }

  @Test
  void onlyPercentilesThatTheDataReachAreShown() {
    List<Double> few =
        report(cell(Role.CANARY, 60, 5e6, 4000), cell(Role.CONTROL, 60, 5e6, 4000))
            .getQuantilesList()
            .stream()
            .map(QuantileReport::getQuantile)
            .toList();
    List<Double> many =
        report(cell(Role.CANARY, 300_000, 5e6, 4000), cell(Role.CONTROL, 300_000, 5e6, 4000))
            .getQuantilesList()
            .stream()
            .map(QuantileReport::getQuantile)
            .toList();
    assertEquals(List.of(.5), few);
    assertEquals(List.of(.5, .75, .9, .95, .99, .999, .9999), many);
  }

  @Test
  void intervalsOfTheDifferenceHoldTheTruthAndShrink() {
    int held = 0;
    int runs = 40;
    for (int run = 0; run < runs; run++) {
      SparseHistogram canary = latencies(100 + run, 2000, 5e6);
      SparseHistogram control = latencies(900 + run, 2000, 5e6);
      LatencyReport report =
          report(
              cell(Role.CANARY, 2000, 1, 1).toBuilder().setLatency(Logs.latency(canary)).build(),
              cell(Role.CONTROL, 2000, 1, 1).toBuilder().setLatency(Logs.latency(control)).build());
      QuantileReport q = report.getQuantiles(3);
      assertEquals(.95, q.getQuantile());
      held += q.getDifferenceLow() <= 0 && q.getDifferenceHigh() >= 0 ? 1 : 0;
      assertTrue(q.getDifferenceHigh() - q.getDifferenceLow() < 5e6, q.toString());
    }
    assertTrue(held >= runs - 3, held + " of " + runs);
  }

  @Test
  void sidesOnOneMachineAreSaidToSlowEachOther() {
    Cell canary =
        cell(Role.CANARY, 2000, 5e6, 4000).toBuilder().addNodes("a").addNodes("b").build();
    Cell control = cell(Role.CONTROL, 2000, 5e6, 4000).toBuilder().addNodes("b").build();
    Logs logs = new Logs().add(Logs.spec(Logs.latency()));
    for (int i = 0; i < 5; i++) {
      logs.block(canary, control);
    }
    EvidenceReport report = logs.report();
    assertEquals(List.of("b"), report.getLatency().getSharedNodesList());
    String words = "both ran on the same machine (b), so one slows the other";
    assertTrue(report.getLatency().getStatement().endsWith(words));
    assertTrue(report.getMetrics(0).getObservations() > 0);
    assertTrue(
        report.getMetrics(0).getStatement().endsWith(words), report.getMetrics(0).getStatement());
  }

  @Test
  void withoutAControlTheChampionIsTheOtherSide() {
    LatencyReport report =
        new Logs()
            .add(Logs.spec(Logs.latency()).setLiveControl(false))
            .block(cell(Role.CANARY, 2000, 5e6, 4000), cell(Role.CHAMPION, 2000, 5e6, 4000))
            .report()
            .getLatency();
    assertEquals(Role.CHAMPION, report.getBaselineRole());
    assertTrue(report.getStatement().contains("cannot be told apart"), report.getStatement());
    assertTrue(report.getStatement().contains("mean times are equal"), report.getStatement());
  }

  @Test
  void beforeAnyCustomerCopiesAreComparedWithTheMirroredControl() {
    JoinedBlock.Builder block = JoinedBlock.newBuilder().setSecond(1);
    for (Role role : new Role[] {Role.SHADOW, Role.MIRRORED_CONTROL}) {
      block.addPairs(
          PairCell.newBuilder()
              .setRole(role)
              .setBothOk(3000)
              .setCopyLatency(
                  Logs.latency(
                      latencies(role.getNumber(), 3000, role == Role.SHADOW ? 9e6 : 5e6))));
    }
    LatencyReport report =
        new Logs()
            .add(Logs.spec(Logs.latency()))
            .add(EvidenceLogRecord.newBuilder().setBlock(block))
            .report()
            .getLatency();
    assertEquals(Role.MIRRORED_CONTROL, report.getBaselineRole());
    assertTrue(report.getStatement().startsWith("p95 is "), report.getStatement());
  }

  @Test
  void withoutDataNothingIsSaid() {
    LatencyReport report = report();
    assertEquals("", report.getStatement());
    assertFalse(report.getCanary().getCalls() > 0);
    assertEquals(0, report.getQuantilesCount());
  }
}
