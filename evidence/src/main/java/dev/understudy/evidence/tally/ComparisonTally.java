package dev.understudy.evidence.tally;

import dev.understudy.evidence.divergence.Comparer;
import dev.understudy.evidence.divergence.OutputMeasures;
import dev.understudy.evidence.divergence.OutputPlan;
import dev.understudy.evidence.divergence.Tensor;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.KeptPair;
import dev.understudy.proto.v1.NoiseSample;
import dev.understudy.proto.v1.OutputKind;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.TensorValue;
import dev.understudy.proto.v1.ToleranceLearned;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Measures comparisons of one rollout and counts them, one {@link PairTally} for each receiving
 * role, until they are taken. Whatever the models answered, nothing here throws.
 *
 * <p>One comparison is one pair, because the rows of one call are not independent. Its divergence
 * is that of its worst output, an output's is the mean over its rows that can be compared, rounded
 * to the grid. Of its decisions the share that changed is counted, one observation for each pair;
 * the swap set counts rows, for display. A slice counts one observation for each call that has rows
 * of it. When shadow and mirrored control answered the same call, the difference of their
 * divergences is counted too, whichever comes first.
 *
 * <p>Where tolerances are to be learned, REGRESSION and LOGITS outputs without a declared one hold
 * up every pair in which they are compared until {@link #tolerance} was called for each: such a
 * pair only gives {@linkplain #takeNoise() noise samples} (if it is a mirrored control's) and
 * {@linkplain #waiting() is counted}. No part of it is tested, since the part would be chosen by
 * what it shows.
 *
 * <p>At most 64 outputs of an answer are compared. Not thread-safe.
 */
public final class ComparisonTally {
  private static final int MOST_NOISE = 4_096;

  /** One compared output of the comparison at hand. */
  private record Output(
      TensorValue champion,
      Tensor championTensor,
      @Nullable Tensor copy,
      OutputPlan plan,
      boolean waits) {}

  private final Decision decision;
  private final boolean decides;
  private final boolean learnTolerance;
  private final Plans plans;
  private final Comparer comparer = new Comparer();
  private final Pair pair = new Pair();
  private final Map<Role, RoleTally> roles = new EnumMap<>(Role.class);
  private final Triples triples = new Triples();
  private final KeptPairs kept = new KeptPairs();
  private final List<NoiseSample> noise = new ArrayList<>();
  private final List<Output> outputs = new ArrayList<>();
  private long waiting;

  /** Reads outputs, decisions and tolerances from the contract; learns none. */
  public ComparisonTally(DataContract contract) {
    this(contract, false);
  }

  /**
   * Reads outputs, decisions and tolerances from the contract; the default instance states none.
   *
   * @param learnTolerance whether tolerances that the contract does not state will come by {@link
   *     #tolerance}; only where copies go to a mirrored control
   */
  public ComparisonTally(DataContract contract, boolean learnTolerance) {
    this.decision = contract.getDecision();
    this.decides = Decisions.declared(contract);
    this.learnTolerance = learnTolerance;
    this.plans = new Plans(contract);
  }

  /**
   * From now on an output is measured with a learned tolerance, but not with less than is usual for
   * its datatype. Without effect where the contract declares one.
   */
  public void tolerance(ToleranceLearned tolerance) {
    plans.tolerance(tolerance);
  }

  /** Measures one comparison. */
  public void add(Comparison comparison) {
    Role role = comparison.getRole();
    if (role == Role.UNRECOGNIZED || !prepare(comparison)) {
      return;
    }
    pair.begin(comparison);
    if (learnTolerance && outputs.stream().anyMatch(Output::waits)) {
      waiting++;
      if (role == Role.MIRRORED_CONTROL) {
        sampleNoise();
      }
      return;
    }
    RoleTally tally = roles.get(role);
    if (tally == null) {
      tally = new RoleTally(role);
      roles.put(role, tally);
    }
    tally.batchSizes(
        comparison.getChampionTiming().getBatchSize(), comparison.getTiming().getBatchSize());
    for (int i = 0; i < outputs.size(); i++) {
      measure(outputs.get(i));
    }
    decide(comparison);
    int units = pair.units();
    if (units < 0) {
      return;
    }
    tally.add(pair, units);
    kept.offer(comparison, units);
    int difference = triples.add(comparison, units);
    if (difference != Triples.NONE) {
      roles.computeIfAbsent(Role.SHADOW, RoleTally::new).cancelled(difference);
    }
  }

  /** Pairs counted since the last take, all roles. */
  public long pairs() {
    long pairs = 0;
    for (RoleTally tally : roles.values()) {
      pairs += tally.pairs();
    }
    return pairs;
  }

  /** Pairs that were not tested because a tolerance is still to be learned; since the start. */
  public long waiting() {
    return waiting;
  }

  /**
   * Pairs of shadows and mirrored controls whose partner never came; since the start. Without a
   * mirrored control these are all.
   */
  public long unmatched() {
    return triples.alone();
  }

  /** What was counted since the last take, by role, without roles that received nothing. */
  public List<PairTally> take() {
    List<PairTally> taken =
        roles.values().stream().filter(tally -> !tally.isEmpty()).map(RoleTally::build).toList();
    roles.clear();
    triples.turn();
    return taken;
  }

  /**
   * Differences of the mirrored control from the champion since the last take, for outputs whose
   * tolerance is still to be learned; at most 4,096, the first.
   */
  public List<NoiseSample> takeNoise() {
    List<NoiseSample> taken = List.copyOf(noise);
    noise.clear();
    return taken;
  }

  /** The three most divergent comparisons since the last take, worst first, of at most 1 MiB. */
  public List<KeptPair> takeKept() {
    return kept.take();
  }

  /** Reads what is to be compared; false when the champion answered nothing of it. */
  private boolean prepare(Comparison comparison) {
    outputs.clear();
    List<TensorValue> compared = plans.compared(comparison);
    for (int i = 0; i < compared.size(); i++) {
      TensorValue champion = compared.get(i);
      Planned planned = plans.of(champion, i == 0);
      Tensor tensor = tensor(champion);
      OutputPlan plan = planned.plan(champion.getDatatype());
      OutputKind kind = comparer.kind(plan, tensor);
      boolean toleranceCounts = kind == OutputKind.REGRESSION || kind == OutputKind.LOGITS;
      TensorValue copy = Plans.named(comparison.getOutputsList(), champion.getName());
      outputs.add(
          new Output(
              champion,
              tensor,
              copy == null ? null : tensor(copy),
              plan.withKind(kind),
              toleranceCounts && !planned.declared() && !planned.learned()));
    }
    return !compared.isEmpty();
  }

  private OutputMeasures measure(Output output) {
    OutputMeasures measures = pair.next(output.champion().getName());
    Tensor copy = output.copy();
    if (copy == null) {
      comparer.missing(output.plan(), output.championTensor(), measures);
    } else {
      comparer.compare(output.plan(), output.championTensor(), copy, measures);
    }
    return measures;
  }

  private void sampleNoise() {
    for (Output output : outputs) {
      if (!output.waits() || noise.size() >= MOST_NOISE) {
        continue;
      }
      OutputMeasures measures = measure(output);
      if (measures.meanUnits() < 0) {
        continue;
      }
      // What cannot be compared lies outside any tolerance.
      double apart = measures.otherShape() ? Double.POSITIVE_INFINITY : 0;
      noise.add(
          NoiseSample.newBuilder()
              .setOutput(output.champion().getName())
              .setMaxAbs(Math.max(apart, measures.maxAbs()))
              .setMaxRel(Math.max(apart, measures.maxRel()))
              .build());
    }
  }

  private void decide(Comparison comparison) {
    if (!decides) {
      return;
    }
    String name = decision.getOutput();
    for (int i = 0; i < outputs.size(); i++) {
      Output output = outputs.get(i);
      if (name.isEmpty() || output.champion().getName().equals(name)) {
        Tensor copy = output.copy();
        if (copy != null) {
          pair.decisions(Decisions.of(decision, output.championTensor(), copy));
        }
        return;
      }
    }
    TensorValue champion = Plans.named(comparison.getChampionOutputsList(), name);
    TensorValue copy = Plans.named(comparison.getOutputsList(), name);
    if (champion != null && copy != null) {
      pair.decisions(Decisions.of(decision, tensor(champion), tensor(copy)));
    }
  }

  private static Tensor tensor(TensorValue value) {
    long[] shape = new long[value.getShapeCount()];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = value.getShape(i);
    }
    return Tensor.of(value.getDatatype(), shape, value.getData().asReadOnlyByteBuffer());
  }
}
