package dev.understudy.evidence.fold;

import dev.understudy.proto.v1.Measure;
import dev.understudy.proto.v1.MeasureReport;
import dev.understudy.proto.v1.MeasureTally;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.ToleranceLearned;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Every measure of every compared output, of the challenger and, beneath it, of the champion
 * against itself; and the tolerances that were learned. For display. Of a model with very many
 * outputs the first {@value #MOST} to come are kept.
 */
final class MeasureTotals {
  static final int MOST = 256;
  private static final double UNITS = 1024;

  private record Key(String output, int measure) implements Comparable<Key> {
    @Override
    public int compareTo(Key other) {
      int order = output.compareTo(other.output);
      return order != 0 ? order : Integer.compare(measure, other.measure);
    }
  }

  private static final class Sum {
    long pairs;
    long units;
    int greatest;
    double maxAbs;
    double maxRel;
    long maxUlp;

    void add(MeasureTally tally) {
      pairs += tally.getPairs();
      units += tally.getUnitsSum();
      greatest = Math.max(greatest, tally.getUnitsMax());
      maxAbs = greater(maxAbs, tally.getMaxAbs());
      maxRel = greater(maxRel, tally.getMaxRel());
      if (Long.compareUnsigned(tally.getMaxUlp(), maxUlp) > 0) {
        maxUlp = tally.getMaxUlp();
      }
    }

    double mean() {
      return pairs == 0 ? Double.NaN : (double) units / (double) pairs / UNITS;
    }

    private static double greater(double a, double b) {
      return b > a ? b : a;
    }
  }

  private final TreeMap<Key, Sum> challenger = new TreeMap<>();
  private final TreeMap<Key, Sum> noise = new TreeMap<>();
  private final TreeMap<String, ToleranceLearned> tolerances = new TreeMap<>();
  private long batchSizeDiffers;

  void add(PairTally tally) {
    if (tally.getRole() == Role.SHADOW) {
      batchSizeDiffers += tally.getBatchSizeDiffers();
      add(challenger, tally.getMeasuresList());
    } else if (tally.getRole() == Role.MIRRORED_CONTROL) {
      add(noise, tally.getMeasuresList());
    }
  }

  /** One tolerance per output; the first that was learned is the one in force. */
  void add(ToleranceLearned tolerance) {
    if (tolerances.size() < MOST) {
      tolerances.putIfAbsent(tolerance.getOutput(), tolerance);
    }
  }

  private static void add(Map<Key, Sum> sums, List<MeasureTally> tallies) {
    for (MeasureTally tally : tallies) {
      Key key = new Key(tally.getOutput(), tally.getMeasureValue());
      Sum sum = sums.get(key);
      if (sum == null && sums.size() < MOST) {
        sum = new Sum();
        sums.put(key, sum);
      }
      if (sum != null) {
        sum.add(tally);
      }
    }
  }

  /** Pairs whose two answers came from batches of different sizes. */
  long batchSizeDiffers() {
    return batchSizeDiffers;
  }

  /** By name of the output. */
  List<ToleranceLearned> tolerances() {
    return List.copyOf(tolerances.values());
  }

  /** By output and measure; measures that only the control has are left out. */
  List<MeasureReport> reports() {
    List<MeasureReport> reports = new ArrayList<>();
    challenger.forEach((key, sum) -> {
      @Nullable Sum floor = noise.get(key);
      Measure measure = Measure.forNumber(key.measure());
      if (measure != null) {
        reports.add(
            MeasureReport.newBuilder()
                .setOutput(key.output())
                .setMeasure(measure)
                .setPairs(sum.pairs)
                .setMean(sum.mean())
                .setMax(sum.greatest / UNITS)
                .setNoiseMean(floor == null ? Double.NaN : floor.mean())
                .setNoiseMax(floor == null ? Double.NaN : floor.greatest / UNITS)
                .setMaxAbs(sum.maxAbs)
                .setMaxRel(sum.maxRel)
                .setMaxUlp(sum.maxUlp)
                .build());
      }
    });
    return reports;
  }
}
