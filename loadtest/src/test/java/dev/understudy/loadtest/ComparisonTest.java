package dev.understudy.loadtest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.grpc.Status;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;

class ComparisonTest {

  private static Tally of(long micros) {
    Tally tally = new Tally();
    for (int i = 0; i < 100; i++) {
      tally.record(Status.Code.OK, micros * 1_000);
    }
    tally.lasted(1_000_000_000);
    return tally;
  }

  @Test
  void oneSpoiltSliceDoesNotSpoilTheResult() {
    Comparison comparison = new Comparison("direct", "router");
    comparison.add(of(100), of(150));
    comparison.add(of(100), of(150));
    comparison.add(of(100), of(9_000));
    StringWriter text = new StringWriter();
    comparison.print(new PrintWriter(text, true));
    double ratio =
        comparison
            .json()
            .getAsJsonArray("b_adds_to_a")
            .get(0)
            .getAsJsonObject()
            .get("ratio_median")
            .getAsDouble();
    assertEquals(1.5, ratio, .01);
    assertEquals(300, comparison.a().calls());
    assertEquals(true, text.toString().contains("median of 3 interleaved pairs"));
  }

  @Test
  void percentilesAreNamedAsPeopleSayThem() {
    assertEquals("p50", LoadReport.name(50));
    assertEquals("p99.9", LoadReport.name(99.9));
    assertEquals("max", LoadReport.name(100));
  }

  @Test
  void quantilesInterpolate() {
    List<double[]> rows = List.of(new double[] {1}, new double[] {3}, new double[] {2});
    assertEquals(2, Comparison.quantile(rows, 0, .5));
    assertEquals(1.5, Comparison.quantile(rows, 0, .25));
  }
}
