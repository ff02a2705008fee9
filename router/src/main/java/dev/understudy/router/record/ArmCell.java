package dev.understudy.router.record;

import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.OutcomeCount;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Counts of one arm under one decision and one set of weights. Nothing is ever reset: a block holds
 * what the counts have grown by since the block before, so a count that races with the end of a
 * second falls into this second or into the next, but never into both and never into none.
 *
 * <p>Any thread counts, without locks; one thread cuts.
 */
public final class ArmCell {
  private static final Outcome[] OUTCOMES = {
    Outcome.OK,
    Outcome.CANCELLED_BY_CLIENT,
    Outcome.BAD_UNAVAILABLE,
    Outcome.BAD_INTERNAL,
    Outcome.BAD_UNKNOWN,
    Outcome.BAD_DATA_LOSS,
    Outcome.BAD_DEADLINE_EXCEEDED,
    Outcome.BAD_RESOURCE_EXHAUSTED,
    Outcome.BAD_TRY_TIMEOUT,
    Outcome.BAD_OUTPUT_GUARD,
    Outcome.BAD_INVALID_ARGUMENT,
    Outcome.BAD_OTHER
  };

  private final CellKey key;
  private final Tally assigned = new Tally();
  private final Tally rescued = new Tally();
  private final Tally leftOut = new Tally();
  private final Tally[] outcomes = new Tally[Outcome.BAD_OTHER_VALUE + 1];
  private final Latencies latency = new Latencies();
  private final AtomicInteger badRun = new AtomicInteger();
  private final AtomicInteger longestBadRun = new AtomicInteger();
  private final AtomicLong firstBadMs = new AtomicLong();
  private final ConcurrentLinkedQueue<Long> seenKeys = new ConcurrentLinkedQueue<>();
  private final ConcurrentLinkedQueue<Long> badKeys = new ConcurrentLinkedQueue<>();

  /** Cuts since anything grew; for the cutting thread. */
  private int quietCuts;

  ArmCell(CellKey key) {
    this.key = key;
    for (Outcome outcome : OUTCOMES) {
      outcomes[outcome.getNumber()] = new Tally();
    }
  }

  /** A request has been assigned to the arm. Followed by exactly one {@link #ended}. */
  public void assigned() {
    assigned.add();
  }

  /** The first attempt has ended. */
  public void ended(Outcome outcome, long latencyNanos, long unixMs) {
    outcomes[outcome.getNumber()].add();
    latency.record(latencyNanos);
    if (outcome.getNumber() >= Outcome.BAD_UNAVAILABLE_VALUE) {
      int run = badRun.incrementAndGet();
      longestBadRun.accumulateAndGet(run, Math::max);
      firstBadMs.compareAndSet(0, unixMs);
    } else if (outcome == Outcome.OK) {
      badRun.set(0);
    }
  }

  /** Another arm answered after the first attempt had failed. */
  public void rescued() {
    rescued.add();
  }

  /** A request was served by the arm but is not judged. */
  public void leftOut() {
    leftOut.add();
  }

  void firstSeen(long hash) {
    seenKeys.add(hash);
  }

  void firstBad(long hash) {
    badKeys.add(hash);
  }

  /** What has happened since the last cut, or null when nothing has. */
  @Nullable Cell cut() {
    // Outcomes before assignments: whatever ended had been assigned, so the sums of all cuts never
    // show more ends than assignments.
    List<OutcomeCount> ends = new ArrayList<>(2);
    for (Outcome outcome : OUTCOMES) {
      long growth = outcomes[outcome.getNumber()].growth();
      if (growth > 0) {
        ends.add(OutcomeCount.newBuilder().setOutcome(outcome).setCount(growth).build());
      }
    }
    Cell.Builder cell =
        Cell.newBuilder()
            .setAssigned(assigned.growth())
            .setRescued(rescued.growth())
            .setLeftOut(leftOut.growth())
            .setLatency(latency.growth())
            .setLongestBadRun(longestBadRun.getAndSet(0))
            .setFirstBadUnixMs(firstBadMs.getAndSet(0))
            .addAllOutcomes(ends);
    drain(seenKeys).forEach(cell::addFirstSeenKeys);
    drain(badKeys).forEach(cell::addFirstBadKeys);
    if (cell.getAssigned() == 0
        && cell.getLeftOut() == 0
        && cell.getRescued() == 0
        && cell.getLatency().getIndexCount() == 0
        && cell.getFirstSeenKeysCount() == 0
        && cell.getFirstBadKeysCount() == 0
        && ends.isEmpty()) {
      quietCuts++;
      return null;
    }
    quietCuts = 0;
    return cell.setRolloutId(key.rollout())
        .setModel(key.model())
        .setRule("split")
        .setDecisionRevision(key.decisionRevision())
        .setCanaryWeightBp(key.canaryBp())
        .setControlWeightBp(key.controlBp())
        .setRole(key.role())
        .setVersion(key.version())
        .build();
  }

  /** Whether everything assigned has ended and nothing has happened for so many cuts. */
  boolean quietFor(int cuts) {
    long ended = 0;
    for (Outcome outcome : OUTCOMES) {
      ended += outcomes[outcome.getNumber()].seen();
    }
    return quietCuts >= cuts && ended == assigned.seen();
  }

  private static List<Long> drain(ConcurrentLinkedQueue<Long> queue) {
    List<Long> drained = new ArrayList<>();
    for (Long next = queue.poll(); next != null; next = queue.poll()) {
      drained.add(next);
    }
    return drained;
  }
}
