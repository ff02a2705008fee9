package dev.understudy.evidence.fold;

import dev.understudy.evidence.process.Combination;
import dev.understudy.evidence.words.Advice;
import dev.understudy.evidence.words.LatencyWords;
import dev.understudy.evidence.words.Words;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.Gap;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.WatchSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The judge's whole mind: the records of one evidence log go in, in sequence, and a report comes
 * out at any moment.
 *
 * <p><b>Pure.</b> A report is a function of the records alone. There is no clock (time is the last
 * record's), no randomness but the seed in the spec, no {@link Math} where {@link StrictMath} could
 * differ, and sums are taken in the order of the log. So a restart, a replay and another machine
 * come to the same bits, and a question "what if" is a fold with another spec.
 *
 * <p><b>How a verdict comes about.</b> The first record is the spec; it says which metrics there
 * are, and every later record is shown to all of them. Each metric keeps two e-values, against
 * "acceptable" and against "worse than the margin". The rollout is stopped when the weighted mean
 * of the first kind reaches 1/alpha, or a guardrail speaks; a step is proved when each critical
 * metric that can be measured has its second e-value at 1/beta <em>now</em>. A metric counts as
 * {@code AGAINST} by itself when it would reach 1/alpha in the mean though all others were silent:
 * 1/(alpha times its weight).
 *
 * <p><b>After the promotion</b> a watch record starts {@link WatchFold}; when it alarms, the
 * rollout is against the challenger, until the next attempt. Without that record nothing changes.
 *
 * <p><b>Attempts.</b> A later spec record starts the next attempt: what has been seen stays seen,
 * and attempt k proves at beta times 2^-k, so trying again cannot wash evidence away. Only the
 * guardrails forget what they said.
 *
 * <p><b>Records that cannot be counted.</b> What breaks the log itself (a number out of sequence,
 * another rollout, no spec, a spec that cannot be judged) is refused, and the fold is as it was. A
 * record that {@link RecordCheck} finds fault with is skipped whole and counted in the report;
 * names of a later version (a role, a kind of record) are passed over.
 *
 * <p>Not thread-safe.
 */
public final class EvidenceFold {
  private final List<MetricFold> metrics = new ArrayList<>();
  private final SplitFold split = new SplitFold();
  private final ArmTotals arms = new ArmTotals();
  private final PairTotals pairs = new PairTotals();
  private final MeasureTotals measures = new MeasureTotals();
  private @Nullable SliceFold slices;
  private final KeyLedger keys = new KeyLedger(KeyLedger.DEFAULT_CAPACITY);
  private final UnaryOperator<EvaluationSpec> plan;
  private Guardrails guardrails = new Guardrails(EvaluationSpec.getDefaultInstance());
  private LatencySides latency = new LatencySides(EvaluationSpec.getDefaultInstance());
  private Versions versions = new Versions("", "");
  private @Nullable WatchFold watch;
  private double[] weights = {};
  private @Nullable EvaluationSpec spec;
  private long sequence;
  private long asOfUnixMs;
  private long blocks;
  private long lateBlocks;
  private long lostBlocks;
  private long labels;
  private long labelsPaired;
  private long malformed;
  private boolean stopped;

  /** A fold that waits for the first record. */
  public EvidenceFold() {
    this(UnaryOperator.identity());
  }

  /**
   * A fold that asks "what if": the same log, judged by other plans.
   *
   * @param plan makes the spec that is judged out of each spec of the log; pure, and of the same
   *     rollout
   */
  public EvidenceFold(UnaryOperator<EvaluationSpec> plan) {
    this.plan = plan;
  }

  /**
   * Takes the next record.
   *
   * @throws IllegalArgumentException when the record is out of sequence, is of another rollout than
   *     the first, comes before any spec, or holds a spec that {@link SpecCheck} refuses
   */
  public void accept(EvidenceLogRecord record) {
    if (record.getSequence() != sequence + 1) {
      throw new IllegalArgumentException(
          "sequence: " + record.getSequence() + " (expected: " + (sequence + 1) + ")");
    }
    if (record.hasSpec()) {
      EvaluationSpec judged = plan.apply(record.getSpec());
      if (!judged.getRolloutId().equals(record.getSpec().getRolloutId())) {
        throw new IllegalArgumentException(
            "rollout of plan: "
                + judged.getRolloutId()
                + " (expected: "
                + record.getSpec().getRolloutId()
                + ")");
      }
      accept(judged);
    } else {
      checkRollout(record.getRolloutId());
    }
    if (RecordCheck.problem(record) == null) {
      count(record);
    } else {
      malformed++;
    }
    sequence = record.getSequence();
    asOfUnixMs = record.getUnixMs();
    metrics.forEach(metric -> metric.note(asOfUnixMs));
  }

  private void count(EvidenceLogRecord record) {
    switch (record.getRecordCase()) {
      case BLOCK -> accept(record.getBlock());
      case PAIRS -> accept(record.getPairs());
      case LABELS -> {
        labels += record.getLabels().getScoresCount();
        labelsPaired +=
            record.getLabels().getScoresList().stream()
                .filter(l -> l.hasShadowScoreMicros())
                .count();
        metrics.forEach(metric -> metric.labels(record.getLabels()));
        slices().labels(record.getLabels());
      }
      case GAP -> lostBlocks += lost(record.getGap());
      case STOP -> stopped = true;
      case TOLERANCE -> measures.add(record.getTolerance());
      case WATCH -> accept(record.getWatch());
      case SPEC, RECORD_NOT_SET -> {
        // The spec was taken before; a record of a later version says nothing to this one.
      }
    }
  }

  /** Number of the last record; 0 before the first. */
  public long sequence() {
    return sequence;
  }

  /** The spec in force: that of the newest attempt. Null before the first record. */
  public @Nullable EvaluationSpec spec() {
    return spec;
  }

  /** Whether the evidence, or a guardrail, stops the rollout now; cheaper than a report. */
  public boolean against() {
    return !guardrails.sentence().isEmpty()
        || (watch != null && watch.alarmed())
        || logAgainst() >= -StrictMath.log(inForce().getAlpha());
  }

  /** Whether each critical metric that can be measured is proved now; cheaper than a report. */
  public boolean proved() {
    double needed = -StrictMath.log(betaOf(inForce()));
    boolean some = false;
    for (MetricFold metric : metrics) {
      if (metric.critical() && metric.unmeasurable() == null) {
        if (metric.logFor() < needed) {
          return false;
        }
        some = true;
      }
    }
    return some && !against();
  }

  /** Whether traffic is shown not to be split as configured; cheaper than a report. */
  public boolean splitDoubted() {
    return split.doubted(inForce().getAlphaSplit());
  }

  /**
   * What the records so far amount to.
   *
   * @throws IllegalStateException before the first record
   */
  public EvidenceReport report() {
    EvaluationSpec now = inForce();
    double logStop = -StrictMath.log(now.getAlpha());
    double logNeeded = -StrictMath.log(betaOf(now));
    EvidenceReport.Builder report =
        EvidenceReport.newBuilder()
            .setRolloutId(now.getRolloutId())
            .setModel(now.getModel())
            .setSpecDigest(SpecDigest.of(now))
            .setLogSequence(sequence)
            .setAsOfUnixMs(asOfUnixMs)
            .setLogAgainst(logAgainst())
            .setLogAgainstStop(logStop)
            .setGuardrail(guardrails.sentence())
            .setSplit(split.report(now.getAlphaSplit()))
            .addAllArms(arms.reports())
            .setSwapSet(pairs.swapSet())
            .addAllExamples(pairs.examples())
            .setPairs(arms.pairs())
            .setPairsDropped(arms.dropped())
            .setPairDiscordantCopyBad(arms.onlyCopyBad())
            .setPairDiscordantChampionBad(arms.onlyChampionBad())
            .setPairBothBad(arms.bothBad())
            .setGaps(lostBlocks)
            .setLateBlocks(lateBlocks)
            .setBlocks(blocks)
            .setMeanDivergence(pairs.meanDivergence())
            .setMeanNoise(pairs.meanNoise())
            .setLabels(labels)
            .setLabelsPaired(labelsPaired)
            .setAlpha(now.getAlpha())
            .setBeta(betaOf(now))
            .setLatency(latency.report())
            .setMalformed(malformed)
            .setDrill(now.getDrill())
            .addAllMeasures(measures.reports())
            .addAllTolerances(measures.tolerances())
            .setBatchSizeDiffers(measures.batchSizeDiffers())
            .setStopped(stopped);
    if (watch != null) {
      report.setWatch(watch.report());
    }
    String caveat = LatencyWords.sharedHardware(latency.sharedNodes());
    for (int i = 0; i < metrics.size(); i++) {
      double stop = weights[i] > 0 ? logStop - StrictMath.log(weights[i]) : logStop;
      report.addMetrics(
          MetricReports.report(metrics.get(i), stop, logNeeded, pairs.meanNoise(), caveat));
    }
    slices().report(report, metrics);
    overall(report);
    return report.setNext(Advice.next(report)).build();
  }

  /** The level at which this attempt proves: beta, and beta times 2^-k from the second on. */
  public static double betaOf(EvaluationSpec spec) {
    int attempt = spec.getAttempt();
    return attempt >= 2 ? StrictMath.scalb(spec.getBeta(), -attempt) : spec.getBeta();
  }

  private void accept(EvaluationSpec next) {
    List<SpecCheck.Problem> problems = SpecCheck.problems(next);
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException("spec: " + problems);
    }
    if (spec == null) {
      for (MetricSpec metric : next.getMetricsList()) {
        metrics.add(MetricFold.of(metric, next));
      }
      weights = weights(metrics);
      latency = new LatencySides(next);
      slices = new SliceFold(next);
    } else {
      checkRollout(next.getRolloutId());
    }
    spec = next;
    versions = Versions.of(next);
    stopped = false;
    watch = null;
    guardrails = new Guardrails(next);
  }

  /** The first watch of an attempt holds: its horizon was fixed before its first second. */
  private void accept(WatchSpec started) {
    if (watch == null) {
      watch = new WatchFold(started, inForce());
    }
  }

  /** Shares of the mean, fixed with the spec: a metric that can have no say gets none. */
  private static double[] weights(List<MetricFold> metrics) {
    double[] weights = new double[metrics.size()];
    double sum = 0;
    int counting = 0;
    for (int i = 0; i < weights.length; i++) {
      if (metrics.get(i).counts()) {
        weights[i] = metrics.get(i).metric().getWeight();
        sum += weights[i];
        counting++;
      }
    }
    for (int i = 0; i < weights.length; i++) {
      if (sum > 0) {
        weights[i] /= sum;
      } else {
        weights[i] = metrics.get(i).counts() ? 1.0 / counting : 0;
      }
    }
    return weights;
  }

  private void accept(JoinedBlock block) {
    RandomisationUnit unit = inForce().getUnit();
    BlockView view = BlockView.of(block, unit, keys, versions);
    blocks++;
    lateBlocks += block.getLate() ? 1 : 0;
    split.block(view);
    arms.block(block);
    latency.block(block);
    guardrails.block(block);
    metrics.forEach(metric -> metric.block(view));
    slices().block(block);
    if (watch != null) {
      watch.block(block);
    }
  }

  private void accept(PairTally tally) {
    pairs.add(tally);
    measures.add(tally);
    guardrails.pairs(tally);
    metrics.forEach(metric -> metric.pairs(tally));
    slices().pairs(tally);
  }

  private SliceFold slices() {
    SliceFold now = slices;
    if (now == null) {
      throw new IllegalStateException("no spec yet (expected: a spec as first record)");
    }
    return now;
  }

  /**
   * Natural logarithm of the evidence against, over all metrics; cheaper than a report.
   *
   * @throws IllegalStateException before the first record
   */
  public double logAgainst() {
    var _ = inForce();
    List<Combination.Part> parts = new ArrayList<>();
    for (int i = 0; i < weights.length; i++) {
      if (weights[i] > 0) {
        parts.add(new Combination.Part(weights[i], metrics.get(i).logAgainst()));
      }
    }
    return parts.isEmpty() ? 0 : Combination.logWeightedMean(parts);
  }

  private static void overall(EvidenceReport.Builder report) {
    Words.Overall overall;
    Result result;
    String detail = null;
    // Also one that is against by itself without a say in the mean.
    List<MetricReport> open =
        report.getMetricsList().stream()
            .filter(m ->
                m.getCritical()
                    && (m.getResult() == Result.UNDECIDED || m.getResult() == Result.AGAINST))
            .toList();
    if (!report.getGuardrail().isEmpty()) {
      overall = Words.Overall.GUARDRAIL;
      result = Result.AGAINST;
      detail = report.getGuardrail();
    } else if (report.hasWatch() && report.getWatch().getResult() == Result.AGAINST) {
      overall = Words.Overall.WATCH;
      result = Result.AGAINST;
      detail = report.getWatch().getStatement();
    } else if (report.getLogAgainst() >= report.getLogAgainstStop()) {
      overall = Words.Overall.AGAINST;
      result = Result.AGAINST;
    } else if (!open.isEmpty()) {
      overall = Words.Overall.UNDECIDED;
      result = Result.UNDECIDED;
      detail = Words.subject(open.get(0).getKind()) + ": " + open.get(0).getStatement();
    } else if (report.getMetricsList().stream()
        .anyMatch(m -> m.getCritical() && m.getResult() == Result.PROVED)) {
      overall = Words.Overall.PROVED;
      result = Result.PROVED;
    } else {
      overall = Words.Overall.CANNOT_MEASURE;
      result = Result.CANNOT_MEASURE;
    }
    report
        .setOverall(result)
        .setStatement(
            Words.overall(overall, detail, report.getLogAgainst(), report.getLogAgainstStop()));
  }

  private void checkRollout(String rolloutId) {
    String expected = inForce().getRolloutId();
    if (!rolloutId.equals(expected)) {
      throw new IllegalArgumentException(
          "rollout of record: " + rolloutId + " (expected: " + expected + ")");
    }
  }

  private EvaluationSpec inForce() {
    EvaluationSpec now = spec;
    if (now == null) {
      throw new IllegalStateException("no spec yet (expected: a spec as first record)");
    }
    return now;
  }

  private static long lost(Gap gap) {
    return gap.getLastMissing() - gap.getFirstMissing() + 1;
  }
}
