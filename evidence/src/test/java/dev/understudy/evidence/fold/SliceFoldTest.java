package dev.understudy.evidence.fold;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.SliceCell;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceMetric;
import dev.understudy.proto.v1.SliceReport;
import dev.understudy.proto.v1.SliceRule;
import dev.understudy.proto.v1.SliceTally;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SliceFoldTest {
  private static SliceLabel label(String slice, String value) {
    return SliceLabel.newBuilder().setSlice(slice).setValue(value).build();
  }

  private static SliceCell counts(SliceLabel label, long ok, long bad) {
    return SliceCell.newBuilder().setLabel(label).setOk(ok).setBad(bad).build();
  }

  private static SliceTally tally(SliceLabel label, int units, long count, long changed) {
    return SliceTally.newBuilder()
        .setLabel(label)
        .setPairs(count)
        .addDivergence(units)
        .addDivergenceCount(count)
        .setComparedWithDecision(count)
        .setChanged(changed)
        .addChangedShare(0)
        .addChangedShareCount(count - changed)
        .addChangedShare(1024)
        .addChangedShareCount(changed)
        .build();
  }

  private static EvidenceLogRecord.Builder pairs(Role role, SliceTally... slices) {
    return EvidenceLogRecord.newBuilder()
        .setPairs(PairTally.newBuilder().setRole(role).addAllSlices(List.of(slices)));
  }

  /** A second in which each country has so many calls a side. */
  private static Cell[] countries(
      SplittableRandom random, int countries, int calls, double risk, double riskOfLast) {
    Cell.Builder canary = Logs.head(Role.CANARY, 2500, 0);
    Cell.Builder champion = Logs.head(Role.CHAMPION, 2500, 0);
    for (int c = 0; c < countries; c++) {
      SliceLabel label = label("country", "c" + c);
      long[] ok = new long[2];
      long[] bad = new long[2];
      for (int i = 0; i < calls; i++) {
        int arm = random.nextInt(4) == 0 ? 0 : 1;
        double p = arm == 0 && c == countries - 1 ? riskOfLast : risk;
        if (random.nextDouble() < p) {
          bad[arm]++;
        } else {
          ok[arm]++;
        }
      }
      canary.addSlices(counts(label, ok[0], bad[0]));
      champion.addSlices(counts(label, ok[1], bad[1]));
    }
    return new Cell[] {canary.build(), champion.build()};
  }

  @Test
  void theOneSliceInWhichTheChallengerFailsIsFoundAndSaidInWords() {
    SplittableRandom random = new SplittableRandom(7);
    Logs logs = new Logs().add(Logs.spec(Logs.failures()));
    for (int second = 0; second < 60; second++) {
      logs.block(countries(random, 20, 10, 0.01, 0.3));
    }
    EvidenceReport report = logs.report();
    assertEquals(20, report.getSlicesCount());
    assertEquals(20, report.getSliceHypotheses());
    SliceReport worst = report.getSlices(0);
    assertTrue(worst.getAgainst());
    assertEquals("c19", worst.getLabel().getValue());
    assertTrue(
        worst.getStatement().matches("country=c19: errors [0-9.]+ % instead of [0-9.]+ %"),
        worst.getStatement());
    SliceMetric metric = worst.getMetrics(0);
    assertEquals(600, metric.getObservations());
    assertTrue(metric.getLow() > 0 && metric.getHigh() < 1, metric.toString());
    assertTrue(metric.getAgainst() && metric.getLogAgainst() > Math.log(20 / 0.01));
    assertFalse(report.getSlices(1).getAgainst());
    // Slices inform; what stops is the whole.
    assertFalse(report.getOverall() == Result.AGAINST);
  }

  @Test
  void ofEqualArmsNoSliceIsCalledMoreOftenThanStated() {
    int runs = 150;
    double alpha = 0.1;
    int called = 0;
    SplittableRandom seeds = new SplittableRandom(20260106);
    for (int run = 0; run < runs; run++) {
      SplittableRandom random = seeds.split();
      SliceFold fold =
          new SliceFold(Logs.spec(Logs.failures(), Logs.changed()).setAlpha(alpha).build());
      List<MetricFold> metrics = metrics(Logs.spec(Logs.failures(), Logs.changed()).build());
      for (int second = 0; second < 40; second++) {
        JoinedBlock.Builder block = JoinedBlock.newBuilder();
        for (Cell cell : countries(random, 10, 8, 0.1, 0.1)) {
          block.addCells(cell);
        }
        fold.block(block.build());
        PairTally.Builder pairs = PairTally.newBuilder().setRole(Role.SHADOW);
        for (int c = 0; c < 10; c++) {
          int changed = random.nextInt(10) == 0 ? 1 : 0; // On the limit of 0.1.
          pairs.addSlices(tally(label("country", "c" + c), 0, 1, changed));
        }
        fold.pairs(pairs.build());
      }
      EvidenceReport.Builder report = EvidenceReport.newBuilder();
      fold.report(report, metrics);
      called += report.getSlicesList().stream().anyMatch(SliceReport::getAgainst) ? 1 : 0;
    }
    assertTrue(
        called <= runs * (alpha + 3 * Math.sqrt(alpha * (1 - alpha) / runs)),
        called + " of " + runs);
  }

  private static List<MetricFold> metrics(EvaluationSpec spec) {
    List<MetricFold> metrics = new ArrayList<>();
    spec.getMetricsList().forEach(metric -> metrics.add(MetricFold.of(metric, spec)));
    return metrics;
  }

  @Test
  void everyMetricOfThePlanIsShownWithinASlice() {
    SliceLabel uy = label("country", "UY");
    Logs logs =
        new Logs()
            .add(
                Logs.spec(
                    Logs.failures(),
                    Logs.latency(),
                    Logs.divergence(),
                    Logs.changed(),
                    Logs.quality()));
    LatencyCounts slow =
        LatencyCounts.newBuilder().addIndex(LatencyGrid.index(12_000_000)).addCount(100).build();
    LatencyCounts fast =
        LatencyCounts.newBuilder().addIndex(LatencyGrid.index(8_000_000)).addCount(100).build();
    for (int i = 0; i < 30; i++) {
      logs.block(
          Logs.head(Role.CANARY, 2500, 2500)
              .addSlices(counts(uy, 100, 0).toBuilder().setLatency(slow))
              .build(),
          Logs.head(Role.CONTROL, 2500, 2500)
              .addSlices(counts(uy, 100, 0).toBuilder().setLatency(fast))
              .build());
      logs.add(pairs(Role.SHADOW, tally(uy, 102, 10, 5)));
      logs.labels(Logs.pairedLoss(100, 300).toBuilder().addSlices(uy).addSlices(uy).build());
    }
    EvidenceReport report = logs.report();
    SliceReport slice = report.getSlices(0);
    assertEquals(4, report.getSliceHypotheses());
    assertEquals(300, slice.getPairs());
    assertEquals(102.0 / 1024, slice.getMeanDivergence());
    assertEquals(0.5, slice.getChangedShare());
    assertEquals(
        List.of("errors", "p95", "divergence", "changed", "brier"),
        slice.getMetricsList().stream().map(SliceMetric::getName).toList());
    assertEquals(6000, slice.getMetrics(0).getObservations());
    SliceMetric latency = slice.getMetrics(1);
    assertEquals(0.004, latency.getEstimate(), 0.0002);
    assertTrue(latency.getLow() <= latency.getEstimate());
    assertTrue(latency.getHigh() >= latency.getEstimate());
    assertEquals(0, latency.getLogAgainst());
    assertFalse(latency.getAgainst());
    assertTrue(slice.getMetrics(2).getAgainst());
    assertTrue(slice.getMetrics(3).getAgainst());
    assertEquals(30, slice.getMetrics(4).getObservations());
    assertEquals(200.0 / 1024, slice.getMetrics(4).getEstimate(), 1e-3);
    assertEquals("country=UY: answers differ by 0.0996 on average", slice.getStatement());
  }

  @Test
  void declaredRangesCountAsSearchedBeforeTheyAreSeen() {
    DataContract contract =
        DataContract.newBuilder()
            .addSlices(SliceRule.newBuilder().setName("amount").addEdges(10).addEdges(100))
            .addSlices(SliceRule.newBuilder().setName("country").setCategory(true))
            .build();
    Logs logs = new Logs().add(Logs.spec(Logs.failures(), Logs.changed()).setContract(contract));
    assertEquals(6, logs.report().getSliceHypotheses());
    logs.add(pairs(Role.SHADOW, tally(label("country", "1"), 0, 1, 0)));
    logs.add(pairs(Role.SHADOW, tally(label("amount", "<10"), 0, 1, 0)));
    assertEquals(8, logs.report().getSliceHypotheses());
  }

  @Test
  void slicesBeyondTheBoundAreCountedAsOthersAndNotTested() {
    Logs logs = new Logs().add(Logs.spec(Logs.changed()));
    for (int i = 0; i < SliceFold.MOST + 100; i++) {
      // Only the late ones are bad.
      logs.add(
          pairs(
              Role.SHADOW, tally(label("country", "c" + i), 0, 10, i >= SliceFold.MOST ? 10 : 0)));
    }
    EvidenceReport report = logs.report();
    assertEquals(SliceFold.MOST, report.getSliceHypotheses());
    SliceReport other =
        report.getSlicesList().stream()
            .filter(s -> s.getLabel().getValue().equals("other"))
            .findFirst()
            .orElseThrow();
    assertEquals(1000, other.getPairs());
    assertEquals(1, other.getChangedShare());
    assertEquals(0, other.getMetrics(0).getLogAgainst());
    assertFalse(other.getAgainst());
    assertTrue(report.getSlicesCount() <= SliceFold.SHOWN);
  }

  @Test
  void emptyAndEndlessLabelsAreLeftOut() {
    Logs logs = new Logs().add(Logs.spec(Logs.changed()));
    for (SliceLabel label :
        List.of(
            SliceLabel.getDefaultInstance(),
            label("", "UY"),
            label("country", ""),
            label("x".repeat(1000), "UY"),
            label("country", "x".repeat(1000)))) {
      logs.add(pairs(Role.SHADOW, tally(label, 1024, 100, 100)));
      logs.block(Logs.head(Role.CANARY, 500, 0).addSlices(counts(label, 0, 100)).build());
      logs.labels(Logs.pairedLoss(0, 1000).toBuilder().addSlices(label).build());
    }
    assertEquals(0, logs.report().getSlicesCount());
    assertEquals(0, logs.report().getSliceHypotheses());
  }

  @Test
  void whereKeysStayOnOneArmFailuresOfASliceAreShownAndNotTested() {
    Logs logs = new Logs().add(Logs.spec(Logs.failures()).setUnit(RandomisationUnit.KEY));
    SliceLabel uy = label("country", "UY");
    for (int i = 0; i < 50; i++) {
      logs.block(Logs.head(Role.CANARY, 500, 0).addSlices(counts(uy, 0, 10)).build());
    }
    EvidenceReport report = logs.report();
    assertEquals(0, report.getSliceHypotheses());
    assertEquals(500, report.getSlices(0).getMetrics(0).getObservations());
    assertFalse(report.getSlices(0).getAgainst());
  }

  @Test
  void aboveTheNoiseADivergenceOfASliceIsShownBesideItsFloorAndNotTested() {
    Logs logs =
        new Logs()
            .add(
                Logs.spec(Logs.divergence()).setIntent(Intent.EQUIVALENT).setMirroredControl(true));
    SliceLabel uy = label("country", "UY");
    for (int i = 0; i < 50; i++) {
      logs.add(pairs(Role.SHADOW, tally(uy, 512, 10, 0)));
      logs.add(pairs(Role.MIRRORED_CONTROL, tally(uy, 256, 10, 0)));
    }
    EvidenceReport report = logs.report();
    SliceReport slice = report.getSlices(0);
    assertEquals(0, report.getSliceHypotheses());
    assertEquals(0.5, slice.getMeanDivergence());
    assertEquals(MetricKind.DIVERGENCE, slice.getMetrics(0).getKind());
    assertEquals(0.25, slice.getMetrics(0).getEstimate());
    assertEquals(
        "country=UY: answers differ by 0.5 on average, the champion's from themselves by 0.25",
        slice.getStatement());
  }

  @Test
  void refusedOutcomesSpeakAgainstNoSlice() {
    Logs logs = new Logs().add(Logs.spec(Logs.quality()));
    logs.add(
        EvidenceLogRecord.newBuilder()
            .setPairs(
                PairTally.newBuilder()
                    .setRole(Role.SHADOW)
                    .setComparedWithDecision(1000)
                    .setChampionPositive(500)));
    for (int i = 0; i < 300; i++) {
      // Outcomes of positive decisions only, and the copy is worse on them.
      logs.labels(Logs.pairedLoss(600, 900).toBuilder().addSlices(label("country", "UY")).build());
    }
    EvidenceReport report = logs.report();
    assertEquals(Result.CANNOT_MEASURE, report.getMetrics(0).getResult());
    assertFalse(report.getSlices(0).getAgainst());
    assertEquals(0, report.getSlices(0).getMetrics(0).getLogAgainst());
  }
}
