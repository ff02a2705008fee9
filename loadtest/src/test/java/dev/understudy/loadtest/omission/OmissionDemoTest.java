package dev.understudy.loadtest.omission;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.loadtest.Arrivals;
import dev.understudy.loadtest.drive.Durations;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class OmissionDemoTest {

  /**
   * On real sockets and in real time, where other work on the machine can only add: the open loop
   * never says less than what clients met. How little it adds is asserted in simulated time.
   */
  @Test
  void theOpenLoopNeverSaysLessThanTheTruthAndTheClosedLoopFarLess() throws Exception {
    OmissionDemo demo = OmissionDemo.run(Duration.ofSeconds(4));
    for (OmissionDemo.Row row : demo.rows()) {
      assertTrue(row.truthNanos() > 200_000_000, row.toString());
      assertTrue(row.openError() > -.01, row.toString());
    }
    OmissionDemo.Row p95 = demo.rows().get(1);
    assertTrue(p95.closedError() < p95.openError() && p95.closedError() < -.3, p95.toString());
    StringWriter text = new StringWriter();
    demo.print(new PrintWriter(text, true));
    assertTrue(text.toString().contains("coordinated omission"), text.toString());
  }

  @Test
  void theTruthIsTheTimeUntilTheStallEnds() {
    Durations truth =
        OmissionDemo.truth(
            List.of(new StallingServer.Stall(1_000_000_000, 1_500_000_000)),
            new Arrivals(Arrivals.Kind.CONSTANT, 10, 1),
            0,
            2_000_000_000);
    // Due at 1.0, 1.1, … 1.4 s.
    assertEquals(19, truth.count());
    assertEquals(500_000_000, truth.max());
    assertEquals(1.5, truth.sum() / 1e9, 1e-9);
  }
}
