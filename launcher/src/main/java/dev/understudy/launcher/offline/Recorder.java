package dev.understudy.launcher.offline;

import dev.understudy.chassis.time.TimeSource;
import dev.understudy.comparator.log.EvidenceFile;
import dev.understudy.evidence.fold.EvidenceFold;
import dev.understudy.evidence.latency.SparseHistogram;
import dev.understudy.evidence.tally.ComparisonTally;
import dev.understudy.evidence.tally.Scores;
import dev.understudy.evidence.tally.ToleranceLearner;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.CopyScore;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LabelTally;
import dev.understudy.proto.v1.LabelledPrediction;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.NoiseSample;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.PairCell;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.SliceLabels;
import dev.understudy.proto.v1.TensorValue;
import dev.understudy.proto.v1.ToleranceLearned;
import dev.understudy.router.slices.Disclosure;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Turns trios into an evidence log, as routers and comparator do together, and folds it as the
 * comparator does: whoever reads a report need not ask where it comes from. What has been counted
 * becomes records at each {@link #cut}, which is called about once a second.
 *
 * <p>Nothing of a request is kept but slice labels of columns in clear, and what its caller of this
 * class named it. Any thread may call.
 */
final class Recorder implements AutoCloseable {
  private final EvaluationSpec spec;
  private final DataContract contract;
  private final Disclosure disclosure;
  private final TimeSource time;
  private final EvidenceFile.@Nullable Writer file;
  private final EvidenceFold fold = new EvidenceFold();
  private final ComparisonTally tally;
  private final ToleranceLearner tolerances = new ToleranceLearner();
  private final List<ToleranceLearned> learned = new ArrayList<>();
  private final Map<Role, Copies> copies = new EnumMap<>(Role.class);
  private final Map<Outcome, Long> outcomes = new EnumMap<>(Outcome.class);
  private final List<LabelledPrediction> labels = new ArrayList<>();
  private final AtomicLong dropped = new AtomicLong();
  private SparseHistogram latency = new SparseHistogram();
  private long assigned;
  private long firstBadMillis;
  private long sequence;
  private long lastSecond;

  /** Counts of one receiver of copies. */
  private static final class Copies {
    private final PairCell.Builder cell = PairCell.newBuilder();
    private final SparseHistogram latency = new SparseHistogram();
    private boolean any;
  }

  /**
   * Begins a log.
   *
   * @param spec what is judged
   * @param learnTolerance whether the control first shows what the champion differs from itself by,
   *     before outputs without a declared tolerance are tested; else the datatype's counts at once
   * @param file where the log is written too, or null
   */
  Recorder(
      EvaluationSpec spec,
      boolean learnTolerance,
      TimeSource time,
      EvidenceFile.@Nullable Writer file)
      throws IOException {
    this.spec = spec;
    this.contract = spec.getContract();
    this.disclosure = new Disclosure(contract, UUID.randomUUID().toString());
    this.time = time;
    this.file = file;
    this.tally = new ComparisonTally(contract, learnTolerance);
    append(EvidenceLogRecord.newBuilder().setSpec(spec));
  }

  /** Counts the answers to one request. */
  synchronized void trio(Trio trio) {
    Answer champion = trio.champion();
    Answer control = trio.control();
    boolean compared =
        champion.ok() && (trio.challenger().ok() || (control != null && control.ok()));
    List<TensorValue> outputs = compared ? champion.outputs() : List.of();
    List<SliceLabels> rows = compared ? rows(trio.request(), outputs) : List.of();
    assigned++;
    outcomes.merge(champion.outcome(), 1L, Long::sum);
    latency.record(champion.nanos());
    if (!champion.ok() && firstBadMillis == 0) {
      firstBadMillis = time.wallMillis();
    }
    pair(trio, Role.SHADOW, trio.challenger(), outputs, rows);
    if (control != null) {
      pair(trio, Role.MIRRORED_CONTROL, control, outputs, rows);
    }
  }

  /**
   * Labels of a request that was answered; who called is not known here.
   *
   * @param outputs the champion's. A request's shape is a client's word, so there are no more rows
   *     than were answered.
   */
  private List<SliceLabels> rows(ModelInferRequest request, List<TensorValue> outputs) {
    if (contract.getSlicesCount() == 0) {
      return List.of();
    }
    boolean counted = request.getInputsCount() > 0 && request.getInputs(0).getShapeCount() > 0;
    long said = counted ? request.getInputs(0).getShape(0) : 1;
    long answered = outputs.stream().mapToLong(Recorder::rows).max().orElse(1);
    return disclosure.slices(
        InferRequestView.parse(request.toByteString().asReadOnlyByteBuffer()),
        "",
        Math.clamp(said, 1, Math.max(1, answered)));
  }

  /** A row has a byte at least. */
  private static long rows(TensorValue output) {
    return output.getShapeCount() == 0 ? 1 : Math.min(output.getShape(0), output.getData().size());
  }

  private void pair(
      Trio trio,
      Role role,
      Answer copy,
      List<TensorValue> championOutputs,
      List<SliceLabels> rows) {
    Answer champion = trio.champion();
    Copies counts = copies.computeIfAbsent(role, r -> new Copies());
    PairCell.Builder cell = counts.cell;
    counts.any = true;
    if (champion.ok()) {
      if (copy.ok()) {
        cell.setBothOk(cell.getBothOk() + 1);
      } else {
        cell.setOnlyCopyBad(cell.getOnlyCopyBad() + 1);
      }
    } else if (copy.ok()) {
      cell.setOnlyChampionBad(cell.getOnlyChampionBad() + 1);
    } else {
      cell.setBothBad(cell.getBothBad() + 1);
    }
    counts.latency.record(copy.nanos());
    if (champion.ok() && copy.ok()) {
      tally.add(
          Comparison.newBuilder()
              .setPredictionId(trio.id())
              .setRolloutId(spec.getRolloutId())
              .setModel(spec.getModel())
              .setUnixMs(time.wallMillis())
              .setRole(role)
              .setChampionVersion(spec.getChampionVersion())
              .setVersion(version(role))
              .addAllChampionOutputs(championOutputs)
              .addAllOutputs(copy.outputs())
              .addAllRows(rows)
              .setChampionTiming(champion.timing())
              .setTiming(copy.timing())
              .build());
      learn();
    }
  }

  /** At once, so that the next pair is tested; the log is told of it before that pair. */
  private void learn() {
    for (NoiseSample sample : tally.takeNoise()) {
      tolerances
          .offer(sample)
          .ifPresent(tolerance -> {
            tally.tolerance(tolerance);
            learned.add(tolerance);
          });
    }
  }

  private String version(Role role) {
    return role == Role.SHADOW ? spec.getChallengerVersion() : spec.getChampionVersion();
  }

  /**
   * Counts what turned out to be true of the rows of a trio, where both versions answered.
   *
   * @param lines of the rows, which no two rows share, whatever they are called
   * @param truths one for each row; NaN where it is not known
   */
  synchronized void labels(Trio trio, long[] lines, double[] truths) {
    ModelInferResponse champion = trio.champion().response();
    ModelInferResponse challenger = trio.challenger().response();
    if (champion == null || challenger == null) {
      return;
    }
    List<Double> scores = disclosure.scores(Answer.view(champion));
    List<Double> others = disclosure.scores(Answer.view(challenger));
    List<SliceLabels> rows = rows(trio.request(), trio.champion().outputs());
    for (int row = 0; row < truths.length; row++) {
      if (Double.isNaN(truths[row]) || row >= scores.size()) {
        continue;
      }
      LabelledPrediction.Builder label =
          LabelledPrediction.newBuilder()
              .setPredictionId("line " + lines[row])
              .setRole(Role.CHAMPION)
              .setScore(scores.get(row))
              .setOutcome(truths[row]);
      if (row < others.size()) {
        label.addCopies(CopyScore.newBuilder().setRole(Role.SHADOW).setScore(others.get(row)));
      }
      if (row < rows.size()) {
        label.addAllSlices(rows.get(row).getLabelsList());
      }
      labels.add(label.build());
    }
  }

  /** A request was not asked, because a bound was reached. Never waits. */
  void dropped() {
    dropped.incrementAndGet();
  }

  /**
   * What was counted since the last cut goes into the log.
   *
   * @throws IOException when the file cannot be written
   */
  synchronized void cut() throws IOException {
    long lost = dropped.getAndSet(0);
    if (lost > 0) {
      Copies counts = copies.computeIfAbsent(Role.SHADOW, r -> new Copies());
      counts.any = true;
      counts.cell.setDropped(lost);
    }
    if (assigned == 0 && copies.values().stream().noneMatch(counts -> counts.any)) {
      return;
    }
    lastSecond = Math.max(lastSecond + 1, time.wallMillis() / 1000);
    JoinedBlock.Builder block = JoinedBlock.newBuilder().setSecond(lastSecond).setRouters(1);
    if (assigned > 0) {
      block.addCells(championCell());
    }
    copies.forEach((role, counts) -> {
      if (counts.any) {
        block.addPairs(pairCell(role, counts));
      }
    });
    append(EvidenceLogRecord.newBuilder().setBlock(block));
    for (ToleranceLearned tolerance : learned) {
      append(EvidenceLogRecord.newBuilder().setTolerance(tolerance));
    }
    learned.clear();
    for (PairTally pairs : tally.take()) {
      append(EvidenceLogRecord.newBuilder().setPairs(pairs));
    }
    if (!labels.isEmpty()) {
      append(
          EvidenceLogRecord.newBuilder()
              .setLabels(
                  LabelTally.newBuilder().addAllScores(labels.stream().map(Scores::of).toList())));
    }
    if (file != null) {
      file.flush();
    }
    copies.clear();
    outcomes.clear();
    labels.clear();
    latency = new SparseHistogram();
    assigned = 0;
    firstBadMillis = 0;
  }

  private Cell championCell() {
    Cell.Builder cell =
        Cell.newBuilder()
            .setRolloutId(spec.getRolloutId())
            .setModel(spec.getModel())
            .setDecisionRevision(1)
            .setRole(Role.CHAMPION)
            .setVersion(spec.getChampionVersion())
            .setAssigned(assigned)
            .setLatency(counts(latency))
            .setFirstBadUnixMs(firstBadMillis);
    outcomes.forEach((outcome, count) ->
        cell.addOutcomes(OutcomeCount.newBuilder().setOutcome(outcome).setCount(count)));
    return cell.build();
  }

  private PairCell pairCell(Role role, Copies counts) {
    return counts
        .cell
        .setRolloutId(spec.getRolloutId())
        .setModel(spec.getModel())
        .setDecisionRevision(1)
        .setRole(role)
        .setVersion(version(role))
        .setCopyLatency(counts(counts.latency))
        .build();
  }

  private static LatencyCounts counts(SparseHistogram histogram) {
    LatencyCounts.Builder counts = LatencyCounts.newBuilder();
    for (int i = 0; i < histogram.buckets(); i++) {
      counts.addIndex(histogram.indexAt(i)).addCount(histogram.countAt(i));
    }
    return counts.build();
  }

  /** What the log amounts to; what was counted since the last cut is not in it. */
  synchronized EvidenceReport report() {
    return fold.report();
  }

  /**
   * Cuts for the last time and closes the file. The log is not stopped: what it would need for a
   * verdict, where it has none, is worth saying.
   *
   * @throws IOException when the file cannot be written
   */
  synchronized EvidenceReport finish() throws IOException {
    cut();
    if (file != null) {
      file.finish();
    }
    return fold.report();
  }

  private void append(EvidenceLogRecord.Builder record) throws IOException {
    EvidenceLogRecord built =
        record
            .setSequence(++sequence)
            .setUnixMs(time.wallMillis())
            .setRolloutId(spec.getRolloutId())
            .build();
    fold.accept(built);
    if (file != null) {
      file.add(built);
    }
  }

  @Override
  public void close() throws IOException {
    if (file != null) {
      file.close();
    }
  }
}
