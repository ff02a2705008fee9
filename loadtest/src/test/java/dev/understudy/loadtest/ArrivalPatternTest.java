package dev.understudy.loadtest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ArrivalPatternTest {
  @TempDir Path directory;

  /** Variance over mean of counts per 100 ms: 1 for a Poisson process. */
  private static double dispersion(Schedule schedule, int windows) {
    int[] counts = new int[windows];
    for (long at = schedule.next(); at < windows * 100_000_000L; at = schedule.next()) {
      counts[(int) (at / 100_000_000)]++;
    }
    double mean = 0;
    double squares = 0;
    for (int count : counts) {
      mean += count / (double) windows;
      squares += (double) count * count / windows;
    }
    return (squares - mean * mean) / mean;
  }

  @Test
  void burstsKeepTheMeanRateAndAreFarFromPoisson() {
    ArrivalPattern bursty = new ArrivalPattern.Bursty(Duration.ofMillis(50), 4);
    Schedule schedule = bursty.schedule(200, 9);
    long last = 0;
    int n = 400_000;
    for (int i = 0; i < n; i++) {
      long next = schedule.next();
      assertTrue(next >= last, "time never falls");
      last = next;
    }
    assertEquals(200, n / (last / 1e9), 6);
    assertTrue(dispersion(bursty.schedule(200, 9), 5_000) > 5);
    assertEquals(
        1,
        dispersion(new ArrivalPattern.Steady(Arrivals.Kind.POISSON).schedule(200, 9), 5_000),
        .1);
  }

  @Test
  void aReplayKeepsDistancesAndScalesThem() throws Exception {
    Path file =
        Files.writeString(
            directory.resolve("times"),
            """
            # when, what
            2026-01-31T12:00:00.25Z,fraud

            2026-01-31T12:00:00.75Z,churn
            2026-01-31T12:00:02.25Z
            """);
    Schedule schedule = ArrivalPattern.Replayed.read(file, 2).schedule(1, 1);
    assertEquals(0, schedule.next());
    assertEquals(250_000_000, schedule.next());
    assertEquals(1_000_000_000, schedule.next());
    assertEquals(Schedule.NEVER, schedule.next());
    Files.writeString(file, "1000.5\n1000.75\n");
    assertEquals(Duration.ofNanos(250_000_001), ArrivalPattern.Replayed.read(file, 1).length());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "1e400000000",
        "yesterday",
        "2026-13-01T00:00:00Z",
        "1.2.3",
        "99999999999999999999"
      })
  void whatIsNoTimeIsNamedWithItsLine(String text) throws Exception {
    Path file = Files.writeString(directory.resolve("times"), "1\n" + text + "\n");
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> ArrivalPattern.Replayed.read(file, 1));
    assertEquals(
        file + ":2: '" + text + "' is no time (expected: seconds or an ISO 8601 instant)",
        refused.getMessage());
  }

  @Test
  void timesThatGoBackOrAreMissingAreRefused() throws Exception {
    Path file = Files.writeString(directory.resolve("times"), "2\n1\n");
    assertEquals(
        file + ":2: 1 is before the line above (expected: ascending)",
        assertThrows(IllegalArgumentException.class, () -> ArrivalPattern.Replayed.read(file, 1))
            .getMessage());
    Files.writeString(file, "# nothing\n");
    assertEquals(
        file + ": no times (expected: one per line)",
        assertThrows(IllegalArgumentException.class, () -> ArrivalPattern.Replayed.read(file, 1))
            .getMessage());
    assertThrows(
        IllegalArgumentException.class,
        () -> new ArrivalPattern.Replayed(new long[] {0}, Double.NaN));
    assertThrows(
        IllegalArgumentException.class, () -> new ArrivalPattern.Bursty(Duration.ofMillis(1), 1));
  }

  @ParameterizedTest
  @CsvSource({"7,7,7", "1-3,1,3", "'1:1,9-10:3',1,10"})
  void rowsAreDrawnWithinTheirRange(String text, int least, int most) {
    RowCounts rows = RowCounts.parse(text);
    SplittableRandom random = new SplittableRandom(1);
    int lowest = Integer.MAX_VALUE;
    int highest = 0;
    double few = 0;
    for (int i = 0; i < 10_000; i++) {
      int next = rows.next(random);
      lowest = Math.min(lowest, next);
      highest = Math.max(highest, next);
      few += next == 1 ? 1e-4 : 0;
    }
    assertEquals(least, lowest);
    assertEquals(most, highest);
    if (text.contains(":")) {
      assertEquals(.25, few, .02);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "0", "3-2", "1:0", "a", "1,,2", "-1", "1000001"})
  void rowsThatMeanNothingAreRefused(String text) {
    assertEquals(
        "rows: '"
            + text
            + "' (expected: N, FROM-TO or a list with weights like 1:80,2-16:20; 1 to 1000000)",
        assertThrows(IllegalArgumentException.class, () -> RowCounts.parse(text)).getMessage());
  }
}
