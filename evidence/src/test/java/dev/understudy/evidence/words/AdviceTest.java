package dev.understudy.evidence.words;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.SplitReport;
import dev.understudy.proto.v1.WatchReport;
import org.junit.jupiter.api.Test;

class AdviceTest {
  private static EvidenceReport.Builder report(Result overall) {
    return EvidenceReport.newBuilder().setOverall(overall).setBlocks(100);
  }

  private static MetricReport.Builder open(MetricKind kind) {
    return MetricReport.newBuilder()
        .setName("m")
        .setKind(kind)
        .setCritical(true)
        .setResult(Result.UNDECIDED)
        .setObservations(500)
        .setMargin(0.01)
        .setEstimate(0.002);
  }

  private static void assertNext(String expected, EvidenceReport.Builder report) {
    assertEquals(expected, Advice.next(report));
  }

  @Test
  void whereAllIsProvedThereIsNothingToDo() {
    assertNext("Nothing: the next step follows.", report(Result.PROVED));
    assertNext("Nothing: the evaluation has ended.", report(Result.PROVED).setStopped(true));
    assertNext(
        "Nothing: the new version answers customers and is watched.",
        report(Result.PROVED).setWatch(WatchReport.newBuilder().setHorizonBlocks(9)));
  }

  @Test
  void anUndecidedMetricSaysHowLongToWait() {
    assertNext(
        "Wait about 40 s: errors (m) needs about 3,100 more observations.",
        report(Result.UNDECIDED)
            .addMetrics(open(MetricKind.FAILURES).setNeedsMore(3127).setEtaSeconds(40)));
    assertNext(
        "Raise the challenger's share, accept a wider margin, or wait: at this rate errors (m)"
            + " needs 3 days more.",
        report(Result.UNDECIDED)
            .addMetrics(open(MetricKind.FAILURES).setNeedsMore(3127).setEtaSeconds(260_000)));
  }

  @Test
  void theSlowestOfTheOpenMetricsSpeaks() {
    assertNext(
        "Send outcomes: quality (m) is critical and has none yet.",
        report(Result.UNDECIDED)
            .addMetrics(open(MetricKind.FAILURES).setNeedsMore(3127).setEtaSeconds(40))
            .addMetrics(open(MetricKind.QUALITY).setObservations(0)));
  }

  @Test
  void whatWillNotBeProvedIsSaidWithAWayOut() {
    assertNext(
        "Raise the challenger's share, accept a wider margin, or wait: the proof of errors (m)"
            + " does not grow at this rate.",
        report(Result.UNDECIDED).addMetrics(open(MetricKind.FAILURES)));
    assertTrue(
        Advice.next(
                report(Result.UNDECIDED).addMetrics(open(MetricKind.FAILURES).setEstimate(0.03)))
            .startsWith("Take a look now, and abort if it is real: errors (m)"));
  }

  @Test
  void withoutAControlArmOneIsAskedFor() {
    assertTrue(
        Advice.next(
                report(Result.CANNOT_MEASURE)
                    .addMetrics(
                        open(MetricKind.LATENCY)
                            .setResult(Result.CANNOT_MEASURE)
                            .setReason(Advice.NO_CONTROL)))
            .startsWith("Configure a live control arm"));
    assertNext(
        "Send traffic: nothing has been seen yet.", report(Result.CANNOT_MEASURE).setBlocks(0));
  }

  @Test
  void aStopNamesWhatToRead() {
    assertNext(
        "Read the challenger's errors by kind, the worst slice (country=UY) and the 3 examples; the"
            + " rollout has been stopped.",
        ReportTextTest.against());
  }

  @Test
  void aWrongSplitComesBeforeAnyFigure() {
    EvidenceReport.Builder wrong =
        report(Result.PROVED).setSplit(SplitReport.newBuilder().setResult(Result.AGAINST));
    assertTrue(Advice.next(wrong).startsWith("Find out why the split is wrong"));
  }

  @Test
  void routersThatAreNotHeardAreNamed() {
    assertNext(
        "Look at the connection between routers and comparator: 7 seconds of some router are"
            + " missing.",
        report(Result.PROVED).setGaps(7));
    assertNext("Nothing: the next step follows.", report(Result.PROVED).setGaps(5));
  }

  @Test
  void aDrillNeverPromotes() {
    assertTrue(Advice.next(report(Result.PROVED).setDrill(true)).contains("nothing is promoted"));
    assertTrue(Advice.next(report(Result.AGAINST).setDrill(true)).startsWith("Nothing: the drill"));
  }
}
