package dev.understudy.loadtest.drive;

import com.sun.management.OperatingSystemMXBean;
import dev.understudy.loadtest.Schedule;
import dev.understudy.loadtest.wire.Exchange;
import dev.understudy.loadtest.wire.Transport;
import io.grpc.Status;
import java.lang.management.ManagementFactory;
import java.util.ArrayDeque;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongConsumer;

/**
 * Sends calls when they are due and measures them, on the calling thread, which is also the one
 * that does the network's work: send what is due, hand it to the sockets, wait for an answer or the
 * next time, and again.
 *
 * <p><b>Open loop.</b> A closed loop waits for an answer before it sends again: while the server
 * stalls it sends nothing, and the stall is recorded once instead of once for every call that would
 * have been sent meanwhile ("coordinated omission"). Here the schedule is fixed beforehand, and
 * each latency counts from the scheduled time. If this process itself is late, its calls carry the
 * delay, and the delay is reported apart as lag. Calls on their way are bounded; one that finds no
 * room is counted as not sent and as an error.
 *
 * <p><b>Closed loop.</b> As many calls as there are callers are on their way; the end of one begins
 * the next. Right for asking how much a server can do, wrong for asking how long its clients wait.
 */
public final class Driver {
  private static final long LONGEST_WAIT_NANOS = 100_000_000;
  private static final long REFUSED_PAUSE_NANOS = 10_000_000;
  private static final long PROGRESS_NANOS = 200_000_000;

  /** While a backlog is worked off, answers are read at least after so many sends. */
  private static final int SENDS_PER_TURN = 256;

  private final Mix mix;
  private final AtomicBoolean stop;
  private final ArrayDeque<Exchange> free = new ArrayDeque<>();

  /**
   * A driver.
   *
   * @param stop ends a run early when it becomes true
   */
  public Driver(Mix mix, AtomicBoolean stop) {
    this.mix = mix;
    this.stop = stop;
  }

  /**
   * Runs for {@code lengthNanos}, or until the schedule ends, then waits for the last answers: at
   * most the calls' timeout.
   *
   * @param blockNanos length of the blocks that the series is made of
   * @param progress hears the nanoseconds passed, about five times a second
   */
  public Series run(
      Transport calls, Pace pace, long lengthNanos, long blockNanos, LongConsumer progress) {
    Recorder recorder = new Recorder(blockNanos, mix.names());
    long cpu = cpuNanos();
    Run run = new Run(calls, recorder, pace, lengthNanos);
    calls.onEnded(run::ended);
    long lasted =
        switch (pace) {
          case Pace.Open open -> run.open(open, progress);
          case Pace.Closed closed -> run.closed(closed.callers(), progress);
        };
    long backlog = calls.outstanding();
    run.drain();
    calls.onEnded((exchange, code, detail, nanos) -> free.add(exchange));
    return recorder.finish(lasted, cpuNanos() - cpu, backlog, stop.get());
  }

  /** CPU time of this process so far, in nanoseconds. */
  static long cpuNanos() {
    return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
        ? system.getProcessCpuTime()
        : 0;
  }

  /** One run; its methods share the loop's state. */
  private final class Run {
    private final Transport calls;
    private final Recorder recorder;
    private final boolean again;
    private final long end;
    private final long start;
    private int toStart;
    private boolean refused;
    private boolean over;

    Run(Transport calls, Recorder recorder, Pace pace, long lengthNanos) {
      this.calls = calls;
      this.start = calls.nanoTime();
      this.recorder = recorder;
      this.again = pace instanceof Pace.Closed;
      this.end = lengthNanos;
    }

    long open(Pace.Open pace, LongConsumer progress) {
      Schedule schedule = pace.schedule();
      long tick = pace.tickNanos();
      long due = onTick(schedule.next(), tick);
      long nextProgress = 0;
      while (!stop.get()) {
        long now = calls.nanoTime() - start;
        for (int sends = 0; due <= now && due < end && sends < SENDS_PER_TURN; sends++) {
          recorder.due();
          if (calls.outstanding() < pace.maxOutstanding()) {
            send(start + due);
          } else {
            recorder.notSent();
          }
          due = onTick(schedule.next(), tick);
        }
        long wake = Math.min(due, end);
        turn(now, wake);
        now = calls.nanoTime() - start;
        if ((now >= end && due >= end) || (due == Schedule.NEVER && calls.outstanding() == 0)) {
          return Math.min(now, end);
        }
        if (now >= nextProgress) {
          progress.accept(now);
          nextProgress = now + PROGRESS_NANOS;
        }
      }
      return Math.min(calls.nanoTime() - start, end);
    }

    private static long onTick(long due, long tick) {
      return tick == 1 || due == Schedule.NEVER ? due : Math.ceilDiv(due, tick) * tick;
    }

    long closed(int callers, LongConsumer progress) {
      toStart = callers;
      long nextProgress = 0;
      long now = 0;
      while (!stop.get() && now < end) {
        // Ends start the next calls from here and not from within: a server that refuses
        // everything at once would otherwise be called deeper and deeper.
        if (refused) {
          // Nor may it keep this process busy with nothing.
          refused = false;
          turn(now, now + REFUSED_PAUSE_NANOS);
        }
        for (int left = toStart; left > 0; left--) {
          toStart--;
          recorder.due();
          send(calls.nanoTime());
        }
        turn(now, toStart > 0 ? now : end);
        now = calls.nanoTime() - start;
        if (now >= nextProgress) {
          progress.accept(now);
          nextProgress = now + PROGRESS_NANOS;
        }
      }
      return Math.min(now, end);
    }

    /** Waits for the answers that are still to come. */
    void drain() {
      over = true;
      while (calls.outstanding() > 0 && !stop.get()) {
        turn(calls.nanoTime() - start, Long.MAX_VALUE);
      }
    }

    private void send(long dueNanos) {
      Exchange exchange = free.isEmpty() ? new Exchange() : free.pop();
      byte[] message = mix.next();
      calls.start(exchange.of(message, mix.principal(), mix.kind(), dueNanos));
    }

    private void turn(long now, long wake) {
      calls.turn(Math.clamp(wake - now, 0, LONGEST_WAIT_NANOS));
      recorder.at(Math.min(calls.nanoTime() - start, end));
    }

    void ended(Exchange exchange, Status.Code code, String detail, long nanos) {
      recorder.ended(
          exchange.kind(),
          code,
          detail,
          nanos - exchange.dueNanos(),
          exchange.sent() ? exchange.sentNanos() - exchange.dueNanos() : -1);
      refused |= !exchange.sent();
      free.push(exchange);
      if (again && !over) {
        toStart++;
      }
    }
  }
}
