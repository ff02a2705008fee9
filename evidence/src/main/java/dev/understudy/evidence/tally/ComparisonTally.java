package dev.understudy.evidence.tally;

import dev.understudy.evidence.divergence.Divergence;
import dev.understudy.evidence.divergence.Measured;
import dev.understudy.evidence.divergence.Tensor;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.TensorValue;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Measures comparisons and counts them, one {@link PairTally} for each receiving role, until they
 * are taken.
 *
 * <p>One comparison is one pair, because the rows of one call are not independent: its divergence
 * is the mean over its rows that can be compared, rounded to the grid. Decisions, swap set and
 * slices count rows. The tensor that is compared is the one that the contract names, or the
 * champion's first.
 *
 * <p>Not thread-safe.
 */
public final class ComparisonTally {
  private final DataContract contract;
  private final Map<Role, RoleTally> roles = new EnumMap<>(Role.class);

  /** Reads decisions and tolerances from the contract; the default instance states none. */
  public ComparisonTally(DataContract contract) {
    this.contract = contract;
  }

  /** Measures one comparison. Whatever the models answered, it does not throw. */
  public void add(Comparison comparison) {
    Role role = comparison.getRole();
    if (role == Role.UNRECOGNIZED) {
      return;
    }
    @Nullable TensorValue champion = championOutput(comparison);
    if (champion == null) {
      return; // Nothing to compare with.
    }
    RoleTally tally = roles.computeIfAbsent(role, RoleTally::new);
    tally.batchSizes(
        comparison.getChampionTiming().getBatchSize(), comparison.getTiming().getBatchSize());
    @Nullable TensorValue copy = named(comparison.getOutputsList(), champion.getName());
    if (copy == null) {
      tally.missing(comparison);
      return;
    }
    List<Measured> rows = measure(champion).measure(tensor(champion), tensor(copy));
    tally.rows(comparison, rows, NotFinite.anyIn(copy) && !NotFinite.anyIn(champion));
  }

  /** Pairs counted since the last take, all roles. */
  public long pairs() {
    return roles.values().stream().mapToLong(RoleTally::pairs).sum();
  }

  /** What was counted since the last take, by role, without roles that received nothing. */
  public List<PairTally> take() {
    List<PairTally> taken =
        roles.values().stream().filter(tally -> tally.pairs() > 0).map(RoleTally::build).toList();
    roles.clear();
    return taken;
  }

  /** The measure for a tensor as the contract describes it. */
  private Divergence measure(TensorValue champion) {
    Decision decision = contract.getDecision();
    Divergence.Kind kind =
        switch (decision.getKind()) {
          case PROBABILITIES -> Divergence.Kind.TOTAL_VARIATION;
          case LABELS, RANKING, TEXT -> Divergence.Kind.LABELS;
          case REGRESSION, LOGITS -> Divergence.Kind.REGRESSION;
          case EMBEDDINGS -> Divergence.Kind.EMBEDDING;
          case OUTPUT_KIND_UNSPECIFIED, UNRECOGNIZED ->
              isFloat(champion) ? Divergence.Kind.REGRESSION : Divergence.Kind.LABELS;
        };
    Divergence measure = new Divergence(kind, tolerance(decision, champion), null);
    return decision.hasCutoff()
            && Double.isFinite(decision.getCutoff())
            && decision.getColumn() >= 0
        ? measure.withCutOff(decision.getColumn(), decision.getCutoff())
        : measure;
  }

  private static Divergence.Tolerance tolerance(Decision decision, TensorValue champion) {
    Divergence.Tolerance usual =
        isHalf(champion) ? Divergence.Tolerance.FP16 : Divergence.Tolerance.FP32;
    double atol = positive(decision.getAtol()) ? decision.getAtol() : usual.atol();
    double rtol = positive(decision.getRtol()) ? decision.getRtol() : usual.rtol();
    return new Divergence.Tolerance(atol, rtol, usual.cap());
  }

  private static boolean positive(double value) {
    return value > 0 && Double.isFinite(value);
  }

  private @Nullable TensorValue championOutput(Comparison comparison) {
    String name = contract.getDecision().getOutput();
    if (!name.isEmpty()) {
      return named(comparison.getChampionOutputsList(), name);
    }
    return comparison.getChampionOutputsCount() == 0 ? null : comparison.getChampionOutputs(0);
  }

  private static @Nullable TensorValue named(List<TensorValue> outputs, String name) {
    for (TensorValue output : outputs) {
      if (output.getName().equals(name)) {
        return output;
      }
    }
    return null;
  }

  private static Tensor tensor(TensorValue value) {
    long[] shape = value.getShapeList().stream().mapToLong(Long::longValue).toArray();
    return Tensor.of(value.getDatatype(), shape, value.getData().asReadOnlyByteBuffer());
  }

  private static boolean isFloat(TensorValue value) {
    return value.getDatatype().startsWith("FP") || value.getDatatype().equals("BF16");
  }

  private static boolean isHalf(TensorValue value) {
    return value.getDatatype().equals("FP16") || value.getDatatype().equals("BF16");
  }

  /** Labels of a row, none when the router sent none for it. */
  static List<SliceLabel> labels(Comparison comparison, int row) {
    return row < comparison.getRowsCount() ? comparison.getRows(row).getLabelsList() : List.of();
  }

  /** Mean over the rows that may be compared, on the grid; empty when none may. */
  static OptionalInt meanUnits(List<Measured> rows) {
    long sum = 0;
    long counted = 0;
    for (Measured row : rows) {
      if (row.flag().isEvidence()) {
        sum += row.units();
        counted++;
      }
    }
    return counted == 0
        ? OptionalInt.empty()
        : OptionalInt.of((int) ((2 * sum + counted) / (2 * counted)));
  }
}
