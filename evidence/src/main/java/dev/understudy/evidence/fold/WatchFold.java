package dev.understudy.evidence.fold;

import dev.understudy.evidence.latency.SparseHistogram;
import dev.understudy.evidence.process.BlockLatency;
import dev.understudy.evidence.process.ChangeDetector;
import dev.understudy.evidence.process.Combination;
import dev.understudy.evidence.process.Direction;
import dev.understudy.evidence.process.LabelProcess;
import dev.understudy.evidence.process.LatencyChange;
import dev.understudy.evidence.words.WatchWords;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.WatchReport;
import dev.understudy.proto.v1.WatchSpec;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * After the promotion: does the new champion get worse than the version before it, which keeps a
 * share of the traffic as control?
 *
 * <p><b>What is tested.</b> Each second is one step of a Shiryaev-Roberts detector of failures
 * ({@link LabelProcess}, with the shares in force) and, where the plan has a latency metric and
 * requests are split one by one, of a detector of latency ({@link LatencyChange}). Which of them
 * there are is settled by the plan, before the first second. The watch alarms when the mean of
 * their values reaches N/alpha, N being the seconds of the horizon. Each value less the seconds so
 * far is a supermartingale while the new version is acceptable, hence so is the mean less the
 * seconds, and the chance of an alarm within the horizon is at most alpha (Doob), under any
 * dependence between failures and latency. What comes after the horizon is not looked at.
 *
 * <p><b>Latency</b> gets at least the wide tolerance of {@link LatencyFold}: the champion carries
 * most of the traffic and the control little of it.
 *
 * <p><b>Late seconds</b> are no step of their own: their failures count in the step in progress,
 * their latencies do not count. <b>Missing seconds</b> are no step. <b>With sticky keys</b> only
 * the first failure of a key that was first seen during the watch counts: those seen before were
 * divided by another rule.
 *
 * <p>An alarm stays. Not thread-safe.
 */
final class WatchFold {
  static final int MOST_KEYS = 1 << 20;
  private static final double BASIS_POINTS = 10_000;
  // A small share fills the history of the control slowly.
  private static final int HISTORY_SECONDS = 600;

  /** Both versions under one decision and one share. */
  private static final class Group {
    final SparseHistogram nowLatency = new SparseHistogram();
    final SparseHistogram beforeLatency = new SparseHistogram();
    long nowBad;
    long before;
    long beforeBad;
    boolean mixed;
  }

  private final WatchSpec watch;
  private final Versions versions;
  private final boolean byKey;
  private final ChangeDetector<LabelProcess> failures;
  private final @Nullable LatencyChange latency;
  private final Set<Long> keysSeen = new HashSet<>();
  private final Set<Long> keysBad = new HashSet<>();
  private long lastSecond = Long.MIN_VALUE;
  private long blocks;
  private long compared;
  private long alarmedAt;
  private double logAtAlarm;
  private boolean slower;

  /**
   * A watch that has seen nothing.
   *
   * @param watch as {@link RecordCheck} accepts it
   */
  WatchFold(WatchSpec watch, EvaluationSpec spec) {
    this.watch = watch;
    versions = Versions.of(spec);
    byKey = spec.getUnit() == RandomisationUnit.KEY;
    MetricSpec judged = first(spec, MetricKind.FAILURES);
    double ratio = judged == null ? 1 : judged.getLimit();
    failures =
        new ChangeDetector<>(
            new LabelProcess(new LabelProcess.Parameters(Direction.ABORT, ratio, 0)), horizon());
    MetricSpec timed = first(spec, MetricKind.LATENCY);
    latency =
        timed == null || byKey
            ? null
            : new LatencyChange(
                new BlockLatency.Parameters(
                    timed.getQuantile(),
                    StrictMath.max(timed.getMargin(), LatencyFold.WIDE_TOLERANCE),
                    4,
                    spec.getSeed(),
                    1,
                    60,
                    HISTORY_SECONDS,
                    200),
                horizon());
  }

  private static @Nullable MetricSpec first(EvaluationSpec spec, MetricKind kind) {
    for (MetricSpec metric : spec.getMetricsList()) {
      if (metric.getKind() == kind) {
        return metric;
      }
    }
    return null;
  }

  private long horizon() {
    return Integer.toUnsignedLong(watch.getHorizonSeconds());
  }

  void block(JoinedBlock block) {
    if (blocks == horizon()) {
      return;
    }
    SortedMap<BlockView.Force, Group> groups = groups(block);
    groups.forEach(this::fail);
    if (block.getLate() || block.getSecond() <= lastSecond) {
      return;
    }
    lastSecond = block.getSecond();
    time(groups);
    failures.endBlock();
    blocks++;
    if (alarmedAt == 0 && logM() >= logAlarm()) {
      alarmedAt = blocks;
      logAtAlarm = logM();
      slower = latency != null && latency.logM() > failures.logM();
    }
  }

  private SortedMap<BlockView.Force, Group> groups(JoinedBlock block) {
    TreeMap<BlockView.Force, Group> groups = new TreeMap<>();
    for (Cell cell : block.getCellsList()) {
      if (cell.getCanaryWeightBp() == 0) {
        add(groups.computeIfAbsent(BlockView.Force.of(cell), f -> new Group()), cell);
      }
    }
    groups
        .entrySet()
        .removeIf(e ->
            e.getValue().mixed || e.getKey().controlBp() <= 0 || e.getKey().championShare() <= 0);
    return groups;
  }

  private void add(Group group, Cell cell) {
    boolean now = versions.promoted(cell);
    if (!now && !versions.kept(cell)) {
      // Seconds from before the promotion can come late: then CHAMPION is the version before.
      group.mixed |= cell.getRole() == Role.CHAMPION && !BlockView.observesNothing(cell);
      return;
    }
    long bad = byKey ? firstFailures(cell) : BlockView.bad(cell.getOutcomesList());
    if (now) {
      group.nowBad += bad;
      BlockView.addTo(group.nowLatency, cell.getLatency());
    } else {
      group.before += BlockView.ok(cell.getOutcomesList()) + BlockView.bad(cell.getOutcomesList());
      group.beforeBad += bad;
      BlockView.addTo(group.beforeLatency, cell.getLatency());
    }
  }

  private long firstFailures(Cell cell) {
    for (long key : cell.getFirstSeenKeysList()) {
      if (keysSeen.size() < MOST_KEYS) {
        keysSeen.add(key);
      }
    }
    long bad = 0;
    for (long key : cell.getFirstBadKeysList()) {
      bad += keysSeen.contains(key) && keysBad.add(key) ? 1 : 0;
    }
    return bad;
  }

  private void fail(BlockView.Force force, Group group) {
    failures.block().bad(1 - force.controlBp() / BASIS_POINTS, group.nowBad, group.beforeBad);
    compared += group.before;
  }

  /** One second of latency over all rules, when one decision was in force in all of it. */
  private void time(SortedMap<BlockView.Force, Group> groups) {
    if (latency == null || groups.isEmpty()) {
      return;
    }
    BlockView.Force force = groups.firstKey();
    SparseHistogram now = new SparseHistogram();
    SparseHistogram before = new SparseHistogram();
    for (Map.Entry<BlockView.Force, Group> entry : groups.entrySet()) {
      if (!entry.getKey().isDecidedAs(force)) {
        return;
      }
      now.merge(entry.getValue().nowLatency);
      before.merge(entry.getValue().beforeLatency);
    }
    latency.add(
        new BlockLatency.Second(
            lastSecond,
            force.revision(),
            force.championShare(),
            now,
            force.controlShare(),
            before));
  }

  private double logM() {
    return latency == null
        ? failures.logM()
        : Combination.logWeightedMean(
            List.of(
                new Combination.Part(0.5, failures.logM()),
                new Combination.Part(0.5, latency.logM())));
  }

  private double logAlarm() {
    return StrictMath.log((double) horizon()) - StrictMath.log(watch.getAlpha());
  }

  /** Whether the watch has alarmed. */
  boolean alarmed() {
    return alarmedAt > 0;
  }

  WatchReport report() {
    double log = alarmed() ? logAtAlarm : StrictMath.max(0, logM());
    double logHorizon = StrictMath.log((double) horizon());
    WatchReport.Builder report =
        WatchReport.newBuilder()
            .setLogEvidence(log)
            .setLogAlarm(logAlarm())
            .setBlocks(blocks)
            .setHorizonBlocks(horizon());
    String words;
    Result result = Result.UNDECIDED;
    if (alarmed()) {
      result = Result.AGAINST;
      words = WatchWords.alarm(slower, alarmedAt, log - logHorizon, logAlarm() - logHorizon);
    } else if (compared == 0) {
      result = Result.CANNOT_MEASURE;
      words = WatchWords.nothingToCompareWith();
    } else {
      words = WatchWords.quiet(blocks, horizon(), log - logHorizon, logAlarm() - logHorizon);
    }
    return report.setResult(result).setStatement(words).build();
  }
}
