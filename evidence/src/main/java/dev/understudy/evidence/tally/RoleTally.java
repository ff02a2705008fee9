package dev.understudy.evidence.tally;

import dev.understudy.evidence.divergence.OutputMeasures;
import dev.understudy.proto.v1.ExamplePair;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** The counts of one role's copies. */
final class RoleTally {
  private static final int BANDS = 10;
  private static final int EXAMPLES = 3;
  private static final Comparator<ExamplePair> MOST_DIVERGENT =
      Comparator.comparingInt(ExamplePair::getDivergence).reversed();

  private final Role role;
  private final long[] divergence = new long[OutputMeasures.UNITS + 1];
  private final long[] changedShare = new long[OutputMeasures.UNITS + 1];
  private final long[] cancelled = new long[2 * OutputMeasures.UNITS + 1];
  private final Slices slices = new Slices();
  private final MeasureSums measures = new MeasureSums();
  private final List<ExamplePair> examples = new ArrayList<>();
  private final long[] toPositiveByBand = new long[BANDS];
  private final long[] toNegativeByBand = new long[BANDS];
  private long pairs;
  private long triples;
  private long decided;
  private long championPositive;
  private long notFinite;
  private long shapeMismatch;
  private long batchSizeDiffers;

  RoleTally(Role role) {
    this.role = role;
  }

  long pairs() {
    return pairs;
  }

  boolean isEmpty() {
    return pairs == 0 && triples == 0;
  }

  void batchSizes(int champion, int copy) {
    if (champion != 0 && copy != 0 && champion != copy) {
      batchSizeDiffers++;
    }
  }

  /** The shadow's divergence less the control's, in units. */
  void cancelled(int difference) {
    triples++;
    cancelled[difference + OutputMeasures.UNITS]++;
  }

  /** Counts a pair of which something could be measured. */
  void add(Pair pair, int units) {
    pairs++;
    divergence[units]++;
    notFinite += pair.onlyCopyNotFinite() ? 1 : 0;
    shapeMismatch += pair.otherShape() ? 1 : 0;
    Decisions decisions = pair.decisions();
    if (decisions != null) {
      decisions(decisions);
    }
    slices.add(pair);
    measures.add(pair);
    if (units > 0) {
      example(pair, units);
    }
  }

  private void decisions(Decisions decisions) {
    long rows = 0;
    long changed = 0;
    for (int row = 0; row < decisions.rows(); row++) {
      double champion = decisions.championScore(row);
      double copy = decisions.copyScore(row);
      if (Double.isNaN(champion) || Double.isNaN(copy)) {
        continue;
      }
      rows++;
      boolean before = decisions.positive(champion);
      boolean after = decisions.positive(copy);
      championPositive += before ? 1 : 0;
      if (before != after) {
        changed++;
        int band = (int) Math.clamp(champion * BANDS, 0.0, BANDS - 1.0);
        (after ? toPositiveByBand : toNegativeByBand)[band]++;
      }
    }
    decided += rows;
    if (rows > 0) {
      changedShare[ChangedShare.units(changed, rows)]++;
    }
  }

  /** Holds ids, scores and slice labels, never a feature. */
  private void example(Pair pair, int units) {
    if (examples.size() == EXAMPLES && examples.get(EXAMPLES - 1).getDivergence() >= units) {
      return;
    }
    int row = pair.worstRow();
    Decisions decisions = pair.decisions();
    examples.add(
        ExamplePair.newBuilder()
            .setPredictionId(pair.comparison().getPredictionId())
            .setDivergence(units)
            .setChampionScore(decisions == null ? Double.NaN : decisions.championScore(row))
            .setScore(decisions == null ? Double.NaN : decisions.copyScore(row))
            .addAllSlices(pair.labels(row))
            .build());
    examples.sort(MOST_DIVERGENT);
    if (examples.size() > EXAMPLES) {
      examples.remove(EXAMPLES);
    }
  }

  PairTally build() {
    PairTally.Builder tally =
        PairTally.newBuilder()
            .setRole(role)
            .setPairs(pairs)
            .setComparedWithDecision(decided)
            .setChampionPositive(championPositive)
            .setNotFinite(notFinite)
            .setShapeMismatch(shapeMismatch)
            .setBatchSizeDiffers(batchSizeDiffers);
    for (int units = 0; units < divergence.length; units++) {
      if (divergence[units] > 0) {
        tally.addDivergence(units).addDivergenceCount(divergence[units]);
      }
      if (changedShare[units] > 0) {
        tally.addChangedShare(units).addChangedShareCount(changedShare[units]);
      }
    }
    for (int i = 0; triples > 0 && i < cancelled.length; i++) {
      if (cancelled[i] > 0) {
        tally.addCancelled(i - OutputMeasures.UNITS).addCancelledCount(cancelled[i]);
      }
    }
    long toPositive = 0;
    long toNegative = 0;
    for (int band = 0; band < BANDS; band++) {
      toPositive += toPositiveByBand[band];
      toNegative += toNegativeByBand[band];
      tally.addToPositiveByBand(toPositiveByBand[band]).addToNegativeByBand(toNegativeByBand[band]);
    }
    tally.setChangedToPositive(toPositive).setChangedToNegative(toNegative);
    slices.forEach(tally::addSlices);
    measures.forEach(tally::addMeasures);
    return tally.addAllExamples(examples).build();
  }
}
