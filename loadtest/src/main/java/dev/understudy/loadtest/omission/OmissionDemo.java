package dev.understudy.loadtest.omission;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.loadtest.ArrivalPattern;
import dev.understudy.loadtest.Arrivals;
import dev.understudy.loadtest.Schedule;
import dev.understudy.loadtest.drive.Counts;
import dev.understudy.loadtest.drive.Driver;
import dev.understudy.loadtest.drive.Durations;
import dev.understudy.loadtest.drive.Mix;
import dev.understudy.loadtest.drive.Pace;
import dev.understudy.loadtest.wire.Pool;
import dev.understudy.loadtest.wire.Target;
import dev.understudy.loadtest.wire.Wire;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Coordinated omission, shown: a server in this process stalls at known times, and is measured
 * twice at the same time of its life, once by callers that wait for their answers (a closed loop)
 * and once on a schedule (an open loop). What a client with that schedule meets is known from the
 * server's own record: a call due in a stall waits until the stall ends.
 *
 * @param rows one per percentile
 */
public record OmissionDemo(List<Row> rows) {
  /** The percentiles that are shown: all of them lie within the stalls. */
  private static final double[] SHOWN = {90, 95, 99, 99.9, 100};

  private static final int CALLERS = 4;
  private static final double RATE = 200;
  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  /**
   * A percentile.
   *
   * @param truthNanos what clients on the schedule met, by the server's record
   * @param closedNanos what the closed loop says
   * @param openNanos what the open loop says
   */
  public record Row(double percentile, long truthNanos, long closedNanos, long openNanos) {
    /** What the open loop says against the truth: 0.01 is one percent too much. */
    public double openError() {
      return (double) openNanos / truthNanos - 1;
    }

    /** The same of the closed loop. */
    public double closedError() {
      return (double) closedNanos / truthNanos - 1;
    }
  }

  private static final Duration EVERY = Duration.ofSeconds(2);
  private static final Duration STALL = Duration.ofMillis(500);

  /**
   * Measures.
   *
   * @param length of the open loop, 2 s or more; the closed loop gets half of it
   */
  public static OmissionDemo run(Duration length) throws IOException {
    try (StallingServer server = new StallingServer(EVERY, STALL);
        Wire wire = Wire.open(false)) {
      Pool pool =
          new Pool(
              wire,
              new Target(new HostPort("127.0.0.1", server.port()), null, 1, TIMEOUT, List.of("")));
      if (!pool.awaitOpen(TIMEOUT.toNanos())) {
        throw new IOException("the stalling server cannot be reached: " + pool.reason());
      }
      Mix mix =
          new Mix(List.of(new Mix.Kind("call", 1, List.of(new byte[1_000]))), new double[] {1}, 1);
      Driver driver = new Driver(mix, new AtomicBoolean());
      long nanos = length.toNanos();
      // Both sides of this process are compiled before anything is measured.
      var _ = driver.run(pool, new Pace.Closed(CALLERS), 1_000_000_000, nanos, passed -> {});
      server.start();
      Durations closed =
          driver.run(pool, new Pace.Closed(CALLERS), nanos / 2, nanos, passed -> {}).ok();
      ArrivalPattern constant = new ArrivalPattern.Steady(Arrivals.Kind.CONSTANT);
      Noted noted = new Noted(constant.schedule(RATE, 1));
      Durations open =
          driver
              .run(pool, new Pace.Open(noted, 1, Integer.MAX_VALUE), nanos, nanos, passed -> {})
              .ok();
      pool.close();
      Durations truth = truth(server.stalls(), constant.schedule(RATE, 1), noted.startNanos, nanos);
      return new OmissionDemo(
          Arrays.stream(SHOWN)
              .mapToObj(
                  p -> new Row(p, truth.percentile(p), closed.percentile(p), open.percentile(p)))
              .toList());
    }
  }

  /** What the calls of a schedule meet at a server that answers at once outside these stalls. */
  static Durations truth(
      List<StallingServer.Stall> stalls, Schedule schedule, long startNanos, long lengthNanos) {
    Counts counts = new Counts();
    for (long due = schedule.next(); due < lengthNanos; due = schedule.next()) {
      long at = startNanos + due;
      long waits = 0;
      for (StallingServer.Stall stall : stalls) {
        if (at - stall.beginNanos() >= 0 && at - stall.endNanos() < 0) {
          waits = stall.endNanos() - at;
        }
      }
      counts.record(waits);
    }
    return counts.take();
  }

  /** A schedule that remembers when it was first asked, which is when its run began. */
  private static final class Noted implements Schedule {
    private final Schedule schedule;
    private boolean begun;
    private long startNanos;

    Noted(Schedule schedule) {
      this.schedule = schedule;
    }

    @Override
    public long next() {
      if (!begun) {
        begun = true;
        startNanos = System.nanoTime();
      }
      return schedule.next();
    }
  }

  /** The largest error of the open loop, as a share. */
  public double openError() {
    return rows.stream().mapToDouble(row -> Math.abs(row.openError())).max().orElse(0);
  }

  /** Explains what was found. */
  public void print(PrintWriter out) {
    out.println(
        "A server that answers at once, but stalls for 0.5 s every 2 s. Its clients send on a");
    out.println(
        "schedule, 200 times a second, whether it stalls or not. What they wait is known from");
    out.println("the server's own record of its stalls. Two ways to measure it:");
    out.println();
    out.println("              truth     closed loop              open loop");
    for (Row row : rows) {
      out.printf(
          Locale.ROOT,
          "  %-6s %9.1f ms %9.3f ms (%+6.1f %%) %9.1f ms (%+5.2f %%)%n",
          row.percentile() == 100
              ? "max"
              : "p" + Double.toString(row.percentile()).replace(".0", ""),
          row.truthNanos() / 1e6,
          row.closedNanos() / 1e6,
          100 * row.closedError(),
          row.openNanos() / 1e6,
          100 * row.openError());
    }
    out.println();
    out.println(
        "The closed loop sends nothing while it waits: each stall delays one call per caller,");
    out.println(
        "not the hundred that clients would have sent, and the quick calls in between bury it");
    out.println("(\"coordinated omission\"). The open loop sends on and counts from the schedule.");
    out.printf(Locale.ROOT, "Largest error of the open loop: %.2f %%.%n", 100 * openError());
    out.flush();
  }
}
