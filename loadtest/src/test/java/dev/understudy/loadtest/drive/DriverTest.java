package dev.understudy.loadtest.drive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.loadtest.ArrivalPattern;
import dev.understudy.loadtest.Arrivals;
import dev.understudy.loadtest.Schedule;
import io.grpc.Status;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;

/** Against a server in simulated time, so that what is right is known to the nanosecond. */
class DriverTest {
  private static final long MS = 1_000_000;
  private static final long SECOND = 1_000 * MS;
  private static final Mix MIX =
      new Mix(List.of(new Mix.Kind("m", 1, List.of(new byte[8]))), new double[] {1}, 1);

  /** Answers after 1 ms, but stalls for 300 ms at the end of each second. */
  private static long stalling(long at) {
    return (at % SECOND < 700 * MS ? at : (at / SECOND + 1) * SECOND) + MS;
  }

  private static Driver driver() {
    return new Driver(MIX, new AtomicBoolean());
  }

  private static Schedule every(double perSecond) {
    return new Arrivals(Arrivals.Kind.CONSTANT, perSecond, 1);
  }

  private static Series run(LongUnaryOperator server, Pace pace) {
    return driver()
        .run(new SimulatedServer(Status.Code.OK, server), pace, 10 * SECOND, 50 * MS, nanos -> {});
  }

  @Test
  void theOpenLoopErrsByLessThanOnePercentWhereTheServerStalls() {
    Series open = run(DriverTest::stalling, new Pace.Open(every(1_000), 1, 100_000));
    // Calls due in a stall are spread evenly over it, so the p-th of all waits in proportion.
    for (double p : new double[] {75, 80, 90, 95, 99, 99.9}) {
      double truth = 300.0 * (1 - (1 - p / 100) / .3) + 1;
      assertEquals(truth, open.ok().percentile(p) / 1e6, truth * .01 + .5, "p" + p);
    }
    assertEquals(301, open.ok().max() / 1e6, 3);
    assertEquals(9_999, open.calls());
  }

  @Test
  void aClosedLoopHidesTheStallAndTheOpenLoopsTimeFromSendingDoesNot() {
    Series closed = run(DriverTest::stalling, new Pace.Closed(4));
    // Ten stalls delay four callers each; the quick calls in between bury them.
    assertEquals(40, closed.ok().count() - countBelow(closed.ok(), 2 * MS));
    assertTrue(closed.ok().percentile(99) < 2 * MS, "p99 " + closed.ok().percentile(99));
    Series open = run(DriverTest::stalling, new Pace.Open(every(1_000), 1, 100_000));
    assertTrue(open.ok().percentile(99) > 250 * MS);
  }

  private static long countBelow(Durations durations, long nanos) {
    long count = 0;
    for (int i = 0; i < durations.values().length; i++) {
      count += durations.values()[i] < nanos ? durations.times()[i] : 0;
    }
    return count;
  }

  @Test
  void aCallThatIsSentLateCarriesTheDelay() {
    // Nothing can be sent while the callers' thread is held: here, by a schedule in the past.
    Schedule past =
        new Schedule() {
          private int n;

          @Override
          public long next() {
            return n++ < 100 ? 0 : NEVER;
          }
        };
    SimulatedServer server = new SimulatedServer(Status.Code.OK, at -> at + MS);
    server.turn(0);
    Series series =
        driver().run(server, new Pace.Open(past, 1, 1_000), SECOND, 50 * MS, nanos -> {});
    assertEquals(100, series.calls());
    assertEquals(MS, (double) series.ok().max(), MS * .01);
    assertEquals(0, series.lag().max());
  }

  @Test
  void callsBeyondTheBoundAreErrorsAndNotSent() {
    Series series = run(at -> at + 100 * SECOND, new Pace.Open(every(100), 1, 10));
    assertEquals(10, series.calls());
    assertEquals(989, series.notSent());
    assertEquals(999, series.due());
    assertEquals(10, series.backlog());
    assertEquals(989, series.errors());
    assertEquals(989.0 / 999, series.errorShare(), 1e-9);
  }

  @Test
  void failedCallsKeepTheirFirstReasonAndStayOutOfTheLatencies() {
    Series series =
        driver()
            .run(
                new SimulatedServer(Status.Code.UNAVAILABLE, at -> at + MS),
                new Pace.Open(every(100), 1, 10),
                SECOND,
                50 * MS,
                nanos -> {});
    assertEquals(99, series.errors());
    assertEquals(0, series.ok().count());
    assertEquals(99, series.failed().count());
    assertEquals("as told", series.reasons().get(Status.Code.UNAVAILABLE));
    assertEquals(99, series.byStatus().get(Status.Code.UNAVAILABLE));
  }

  @Test
  void ticksOnlyMoveCallsUpToTheNextTick() {
    Series series =
        run(
            at -> {
              assertEquals(0, at % (5 * MS));
              return at + MS;
            },
            new Pace.Open(every(999), 5 * MS, 100));
    assertEquals(MS, (double) series.ok().max(), MS * .01);
    assertEquals(9_985, (double) series.calls(), 10);
  }

  @Test
  void aReplayEndsWithItsLastAnswer() {
    Series series =
        run(
            at -> at + MS,
            new Pace.Open(
                new ArrivalPattern.Replayed(new long[] {0, SECOND, 2 * SECOND}, 2).schedule(1, 1),
                1,
                10));
    assertEquals(3, series.calls());
    assertEquals(1.001, series.nanos() / 1e9, .001);
  }

  @Test
  void blocksCoverTheRunWithoutGapsAndAddUpToTheWhole() {
    Series series = run(at -> at + MS, new Pace.Open(every(1_000), 1, 100));
    assertEquals(10 * SECOND, series.nanos());
    long at = 0;
    for (Block block : series.blocks()) {
      assertEquals(at, block.startNanos());
      at += block.nanos();
    }
    assertEquals(200, series.blocks().size(), 1);
    Series later = series.from(100);
    assertEquals(series.calls() / 2.0, (double) later.calls(), 60);
    Series twice = Series.of(List.of(series, later));
    assertEquals(series.calls() + later.calls(), twice.calls());
    assertEquals(at, twice.blocks().get(series.blocks().size()).startNanos());
  }

  @Test
  void whoStopsGetsWhatWasMeasuredSoFar() {
    AtomicBoolean stop = new AtomicBoolean();
    Series series =
        new Driver(MIX, stop)
            .run(
                new SimulatedServer(Status.Code.OK, at -> at + MS),
                new Pace.Open(every(1_000), 1, 100),
                10 * SECOND,
                50 * MS,
                nanos -> stop.set(nanos >= 2 * SECOND));
    assertTrue(series.interrupted());
    assertEquals(2.2, series.nanos() / 1e9, .21);
    assertEquals(series.nanos() / 1e6, (double) series.calls(), 5);
  }
}
