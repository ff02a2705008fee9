package dev.understudy.evidence.fold;

import dev.understudy.evidence.process.Direction;
import dev.understudy.evidence.process.MarginProcess;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The proof that the canary fails at most {@code margin} more often, from requests whose time to
 * fail is over.
 *
 * <p><b>Why.</b> A good answer ends at once, a request that will time out ends seconds later. Who
 * counts requests when they end sees for so many seconds a canary that never fails, and proves what
 * is not so.
 *
 * <p><b>What is counted.</b> Let D be the longest attempt in seconds, T the newest second that came
 * on time, and call mature the requests that were assigned in blocks that had come by T - D. All of
 * them have ended, so if {@code a} were assigned to an arm, a = ok + bad + censored, each of mature
 * requests. The counts do not say which of the ended were mature, but bound it, arm by arm and so
 * that the evidence can only be understated: on the canary every failure so far counts, and as good
 * at most what of {@code a} is left after all failures and all censored; on the baseline only
 * failures that had come by T - D count, whose requests must have been assigned by then, and as
 * good at most what of {@code a} is left. A good request speaks for the canary and so does a
 * failure of the baseline, which speaks louder; hence at every T the wealth is at most that of the
 * {@link MarginProcess} fed with the mature requests, and the promise of that process holds. (With
 * a margin below 0 a good request speaks against the canary, and all that came are counted.)
 *
 * <p>For one share the process does not ask for the order, so totals per share are kept and the
 * wealth is computed from them. Blocks that come late are mature D seconds after they came: what
 * their router has yet to say comes later, too. Not thread-safe.
 */
final class MaturingProof {
  private static final int WHOLE_BP = 10_000;

  private static final class Totals {
    long matureAssigned;
    long ok;
    long bad;
    long matureBad;
    long censored;

    void add(BlockView.Side side) {
      ok += side.ok;
      bad += side.bad;
      censored += side.censored;
    }

    /** At most as many as mature requests that were good, if {@code failed} of them failed. */
    long good(long failed) {
      return Math.max(0, Math.min(ok, matureAssigned - failed - censored));
    }
  }

  private static final class Share {
    final Totals canary = new Totals();
    final Totals baseline = new Totals();
  }

  /** What came in one block under one share, and when. */
  private static final class Arrival {
    final Share share;
    final long canaryAssigned;
    final long baselineAssigned;
    final long baselineBad;
    long second;

    Arrival(Share share, BlockView.Group group, long second) {
      this.share = share;
      canaryAssigned = group.canary.assigned;
      baselineAssigned = group.baseline.assigned;
      baselineBad = group.baseline.bad;
      this.second = second;
    }

    void mature() {
      share.canary.matureAssigned += canaryAssigned;
      share.baseline.matureAssigned += baselineAssigned;
      share.baseline.matureBad += baselineBad;
    }
  }

  private final double margin;
  private final long delaySeconds;
  private final SortedMap<Integer, Share> shares = new TreeMap<>();
  private final Deque<Arrival> waiting = new ArrayDeque<>();
  private long newest = Long.MIN_VALUE;
  private double logE;

  /**
   * A proof that has seen nothing.
   *
   * @param delaySeconds how long a request can take to fail, at least 1
   */
  MaturingProof(double margin, long delaySeconds) {
    this.margin = margin;
    this.delaySeconds = delaySeconds;
  }

  /** Milliseconds in seconds, rounded up. */
  static long seconds(long millis) {
    return Math.ceilDiv(millis, 1000);
  }

  void block(BlockView view) {
    if (!view.block().getLate()) {
      onTime(view.block().getSecond());
    }
    view.groups()
        .forEach((force, group) -> {
          if (force.canaryBp() > 0 && force.canaryBp() < WHOLE_BP) {
            Share share = shares.computeIfAbsent(force.canaryBp(), bp -> new Share());
            share.canary.add(group.canary);
            share.baseline.add(group.baseline);
            waiting.add(new Arrival(share, group, newest));
          }
        });
    while (!waiting.isEmpty()
        && newest != Long.MIN_VALUE
        && waiting.element().second <= newest - delaySeconds) {
      waiting.remove().mature();
    }
    weigh();
  }

  private void onTime(long second) {
    if (newest == Long.MIN_VALUE) {
      // Late blocks before any that is on time: they wait from here.
      waiting.forEach(arrival -> arrival.second = second);
    }
    newest = Math.max(newest, second);
  }

  private void weigh() {
    MarginProcess proof =
        new MarginProcess(new MarginProcess.Parameters(Direction.PROMOTE, margin));
    shares.forEach((bp, share) -> {
      Totals canary = share.canary;
      Totals baseline = share.baseline;
      boolean goodSpeaksFor = margin >= 0;
      proof.add(
          bp / BlockView.BASIS_POINTS,
          goodSpeaksFor ? canary.good(canary.bad) : canary.ok,
          canary.bad,
          goodSpeaksFor ? baseline.good(baseline.matureBad) : baseline.ok,
          baseline.matureBad);
    });
    logE = proof.logE();
  }

  /** Natural logarithm of the e-value, as it is now. */
  double logE() {
    return logE;
  }
}
