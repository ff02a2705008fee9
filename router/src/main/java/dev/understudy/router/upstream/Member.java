package dev.understudy.router.upstream;

import dev.understudy.proto.v1.Outcome;
import dev.understudy.router.call.Answer;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A backend as one arm sees it: what its answers to this arm's calls took, and whether it is to be
 * avoided for them. Calls in flight and the breaker are the backend's, whoever calls. Any thread.
 */
final class Member {
  /** A call that failed on its way, or by the server's fault, took at least so long. */
  private static final long FAILURE_NANOS = 100_000_000;

  final Backend backend;
  final PeakEwma latency;

  /** Set and lifted by the pool. */
  volatile boolean ejected;

  /** Set and lifted by the checks. */
  volatile boolean unhealthy;

  /** When the ejection ends, and how many there have been; written under the upstream's lock. */
  long ejectedUntilNanos;

  volatile int ejections;

  /** For the one thread that looks after backends, and for the answers to its questions. */
  final Checks checks = new Checks();

  private final AtomicInteger failuresInARow = new AtomicInteger();

  /** Calls in the upper half, transport failures in the lower. */
  private final AtomicLong tally = new AtomicLong();

  Member(Backend backend, long decayNanos, long nowNanos) {
    this.backend = backend;
    this.latency = new PeakEwma(decayNanos, nowNanos);
  }

  /** Whether nothing speaks against sending it a call. */
  boolean usable(boolean panic) {
    return backend.closed() && (panic || (!ejected && !unhealthy));
  }

  double load(long nowNanos) {
    return latency.load(backend.inFlight.get(), nowNanos);
  }

  /**
   * A call has ended.
   *
   * @return how many of its calls in a row have failed on their way
   */
  int ended(Answer answer, long nowNanos) {
    if (answer.isOk()) {
      latency.observe(answer.latencyNanos(), nowNanos);
      tally.getAndAdd(1L << 32);
      if (failuresInARow.get() != 0) {
        failuresInARow.set(0);
      }
      return 0;
    }
    if (answer.outcome() == Outcome.CANCELLED_BY_CLIENT) {
      // Would have taken longer, and nobody knows how much.
      latency.observeAtLeast(answer.latencyNanos(), nowNanos);
      return 0;
    }
    // A backend that fails at once must not look like the quickest one.
    long least =
        answer.transport() || isServersFailure(answer.outcome())
            ? Math.max(answer.latencyNanos(), FAILURE_NANOS)
            : answer.latencyNanos();
    latency.observeAtLeast(least, nowNanos);
    if (!answer.transport()) {
      // It was there, and what it says is the evidence's business.
      tally.getAndAdd(1L << 32);
      failuresInARow.set(0);
      return 0;
    }
    tally.getAndAdd((1L << 32) + 1);
    return failuresInARow.incrementAndGet();
  }

  private static boolean isServersFailure(Outcome outcome) {
    return switch (outcome) {
      case BAD_UNAVAILABLE, BAD_INTERNAL, BAD_UNKNOWN, BAD_DATA_LOSS, BAD_RESOURCE_EXHAUSTED ->
          true;
      default -> false;
    };
  }

  /** Begins to count anew; returns calls and failures since the last time. */
  long takeTally() {
    return tally.getAndSet(0);
  }

  void forgetFailures() {
    failuresInARow.set(0);
  }

  static long calls(long tally) {
    return tally >>> 32;
  }

  static long failures(long tally) {
    return tally & 0xffffffffL;
  }

  /** The state of active checks. Guarded by itself. */
  static final class Checks {
    private long dueNanos;
    private boolean scheduled;
    private boolean asking;
    private int inARow;
    private boolean lastOk = true;

    /** Whether a check is due; then it must be ended by {@link #ended}. */
    synchronized boolean begin(long nowNanos, long firstDelayNanos) {
      if (!scheduled) {
        scheduled = true;
        dueNanos = nowNanos + firstDelayNanos;
      }
      if (asking || dueNanos - nowNanos > 0) {
        return false;
      }
      asking = true;
      return true;
    }

    /** Returns how many checks in a row, this one included, have ended alike. */
    synchronized int ended(boolean ok, long nextNanos) {
      asking = false;
      dueNanos = nextNanos;
      inARow = ok == lastOk ? inARow + 1 : 1;
      lastOk = ok;
      return inARow;
    }
  }
}
