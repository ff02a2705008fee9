package dev.understudy.router.record;

import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.ServerTiming;
import dev.understudy.proto.v1.SliceCell;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.StageSums;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Counts of one arm under one decision and one set of weights. Nothing is ever reset: a block holds
 * what the counts have grown by since the block before, so a count that races with the end of a
 * second falls into this second or into the next, but never into both and never into none.
 *
 * <p>Any thread counts, without locks; one thread cuts. Of one attempt the outcome is counted
 * before its slices and stages, so a block may hold the latter of an attempt whose outcome is in
 * the block before.
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

  private static final Comparator<SliceCell> BY_LABEL =
      Comparator.comparing((SliceCell cell) -> cell.getLabel().getSlice())
          .thenComparing(cell -> cell.getLabel().getValue());

  /** Machines in one block. */
  private static final int MOST_NODES = 16;

  private static final int MOST_NODE_CHARS = 253;

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
  private final StageTallies stages = new StageTallies();
  private final Set<String> nodes = ConcurrentHashMap.newKeySet(2);

  /** Null until a first attempt has a label: without slices there is nothing here. */
  private volatile @Nullable ConcurrentHashMap<SliceLabel, SliceTally> slices;

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

  /**
   * The first attempt has ended in a slice; once for each of its labels.
   *
   * @param label at most {@link KeptLabels#MOST} different ones in a cell's life
   */
  public void endedIn(SliceLabel label, Outcome outcome, long latencyNanos) {
    ConcurrentHashMap<SliceLabel, SliceTally> all = slices;
    if (all == null) {
      all = madeSlices();
    }
    SliceTally tally = all.get(label);
    (tally != null ? tally : all.computeIfAbsent(label, key -> new SliceTally()))
        .ended(outcome, latencyNanos);
  }

  private synchronized ConcurrentHashMap<SliceLabel, SliceTally> madeSlices() {
    ConcurrentHashMap<SliceLabel, SliceTally> all = slices;
    if (all == null) {
      all = new ConcurrentHashMap<>();
      slices = all;
    }
    return all;
  }

  /** The first attempt ended OK, and the server said where its time went. */
  public void timed(ServerTiming timing, long latencyNanos) {
    stages.add(timing, latencyNanos);
  }

  /** A machine has answered; one without a name, or beyond the sixteenth of a second, is not. */
  public void answeredBy(String node) {
    if (!node.isEmpty()
        && node.length() <= MOST_NODE_CHARS
        && !nodes.contains(node)
        && nodes.size() < MOST_NODES) {
      nodes.add(node);
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
    cell.addAllSlices(cutSlices());
    StageSums sums = stages.growth();
    if (sums != null) {
      cell.setStages(sums);
    }
    if (cell.getAssigned() == 0
        && cell.getLeftOut() == 0
        && cell.getRescued() == 0
        && cell.getLatency().getIndexCount() == 0
        && cell.getFirstSeenKeysCount() == 0
        && cell.getFirstBadKeysCount() == 0
        && cell.getSlicesCount() == 0
        && sums == null
        && ends.isEmpty()) {
      quietCuts++;
      return null;
    }
    quietCuts = 0;
    cell.addAllNodes(drainNodes());
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

  private List<SliceCell> cutSlices() {
    ConcurrentHashMap<SliceLabel, SliceTally> all = slices;
    if (all == null) {
      return List.of();
    }
    List<SliceCell> cut = new ArrayList<>();
    all.forEach((label, tally) -> {
      SliceCell grown = tally.cut(label);
      if (grown != null) {
        cut.add(grown);
      }
    });
    cut.sort(BY_LABEL);
    return cut;
  }

  /** One by one, so that a machine that answers meanwhile is in this block or in the next. */
  private Set<String> drainNodes() {
    Set<String> drained = new TreeSet<>();
    nodes.removeIf(node -> drained.size() < MOST_NODES && drained.add(node));
    return drained;
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
