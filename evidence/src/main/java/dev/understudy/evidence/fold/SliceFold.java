package dev.understudy.evidence.fold;

import dev.understudy.evidence.process.FalseDiscoveries;
import dev.understudy.evidence.words.SliceWords;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LabelTally;
import dev.understudy.proto.v1.LabelledScore;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.SliceCell;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceMetric;
import dev.understudy.proto.v1.SliceReport;
import dev.understudy.proto.v1.SliceRule;
import dev.understudy.proto.v1.SliceTally;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Every metric of the plan within every slice, and which slices stand out.
 *
 * <p><b>The search.</b> Whoever looks at fifty slices finds one that looks bad. So all slices and
 * metrics are searched together ({@link FalseDiscoveries}, at the alpha of the plan): of the slices
 * and metrics that are called against, on average at most a share of alpha is so by luck, at the
 * look at which somebody acts. A slice informs where to look; it never stops a rollout by itself,
 * because the promise for stopping is made for the metrics as a whole.
 *
 * <p><b>How many hypotheses.</b> For each rule of the contract all the ranges that it declares,
 * whether seen or not, or as many values as were seen where it cannot be known before; times the
 * metrics that can be tested in a slice. A value that turns up later raises the number for all, so
 * the promise is exact once the last value has come, and at any look that was set before.
 *
 * <p><b>Bounds.</b> The first {@value #MOST} slices to come are kept; what comes later is counted
 * under the value "other" of its rule. A call with rows of two values counts in both slices, which
 * does no harm to either; under "other" it would count twice in one, so "other" is shown and not
 * tested. Labels without a slice or value, or longer than {@value #LONGEST} characters, are left
 * out.
 */
final class SliceFold {
  static final int MOST = 256;
  static final int SHOWN = 20;
  static final long LEAST_OBSERVATIONS = 30;
  private static final int LONGEST = 256;
  private static final int MOST_RULES = 64;
  private static final String OTHER = "other";
  private static final double UNITS = 1024;

  /** One slice; {@code metrics} as in the plan. */
  private final class Slice {
    final SliceLabel label;
    final List<SliceEvidence> metrics = new ArrayList<>();
    long pairs;
    long units;
    long compared;
    long changed;

    Slice(SliceLabel label) {
      this.label = label;
      boolean sound = !label.getValue().equals(OTHER);
      spec.getMetricsList().forEach(m -> metrics.add(SliceEvidence.of(m, spec, sound)));
    }

    double changedShare() {
      return compared == 0 ? 0 : (double) changed / (double) compared;
    }

    double meanDivergence() {
      return pairs == 0 ? Double.NaN : (double) units / (double) pairs / UNITS;
    }

    long observations() {
      long most = pairs;
      for (SliceEvidence metric : metrics) {
        most = Math.max(most, metric.observations());
      }
      return most;
    }
  }

  /** A slice as it stands at one look. */
  private static final class Standing {
    final Slice slice;
    final double[] logAgainst;
    final boolean[] against;

    Standing(Slice slice, int metrics) {
      this.slice = slice;
      logAgainst = new double[metrics];
      against = new boolean[metrics];
    }

    boolean anyAgainst() {
      for (boolean one : against) {
        if (one) {
          return true;
        }
      }
      return false;
    }

    /** Index of the metric that speaks most against it; -1 when none has seen anything. */
    int worst() {
      int worst = -1;
      for (int i = 0; i < logAgainst.length; i++) {
        if (slice.metrics.get(i).observations() > 0
            && (worst < 0 || logAgainst[i] > logAgainst[worst])) {
          worst = i;
        }
      }
      return worst;
    }

    double strongest() {
      int worst = worst();
      return worst < 0 ? Double.NEGATIVE_INFINITY : logAgainst[worst];
    }
  }

  private static final Comparator<Standing> WORST_FIRST =
      Comparator.comparing(Standing::anyAgainst)
          .thenComparingDouble(Standing::strongest)
          .thenComparingDouble(s -> s.slice.changedShare())
          .reversed()
          .thenComparing(s -> s.slice.label.getSlice())
          .thenComparing(s -> s.slice.label.getValue());

  private final EvaluationSpec spec;
  private final Versions versions;
  private final int testedMetrics;
  private final Map<SliceLabel, Slice> slices = new LinkedHashMap<>();
  private final Map<String, Slice> others = new LinkedHashMap<>();

  SliceFold(EvaluationSpec spec) {
    this.spec = spec;
    versions = Versions.of(spec);
    testedMetrics =
        (int) spec.getMetricsList().stream().filter(m -> SliceEvidence.tests(m, spec)).count();
  }

  void block(JoinedBlock block) {
    for (Cell cell : block.getCellsList()) {
      boolean arm =
          cell.getRole() == Role.CANARY
              || cell.getRole() == Role.CHAMPION
              || cell.getRole() == Role.CONTROL;
      int bp = cell.getCanaryWeightBp();
      if (arm && bp > 0 && bp < BlockView.BASIS_POINTS && !versions.promoted(cell)) {
        for (SliceCell counts : cell.getSlicesList()) {
          Slice slice = slice(counts.getLabel());
          if (slice != null) {
            slice.metrics.forEach(metric -> metric.cell(cell, counts));
          }
        }
      }
    }
  }

  void pairs(PairTally tally) {
    for (SliceTally counts : tally.getSlicesList()) {
      Slice slice = slice(counts.getLabel());
      if (slice == null) {
        continue;
      }
      if (tally.getRole() == Role.SHADOW) {
        slice.pairs += counts.getPairs();
        slice.compared += counts.getComparedWithDecision();
        slice.changed += counts.getChanged();
        for (int i = 0; i < counts.getDivergenceCount(); i++) {
          slice.units += counts.getDivergence(i) * counts.getDivergenceCount(i);
        }
      }
      slice.metrics.forEach(metric -> metric.pairs(tally.getRole(), counts));
    }
  }

  void labels(LabelTally tally) {
    for (LabelledScore label : tally.getScoresList()) {
      for (SliceLabel name : new LinkedHashSet<>(label.getSlicesList())) {
        Slice slice = slice(name);
        if (slice != null) {
          slice.metrics.forEach(metric -> metric.label(label));
        }
      }
    }
  }

  private @Nullable Slice slice(SliceLabel label) {
    Slice known = slices.get(label);
    if (known != null) {
      return known;
    }
    String name = label.getSlice();
    if (name.isEmpty()
        || label.getValue().isEmpty()
        || name.length() > LONGEST
        || label.getValue().length() > LONGEST) {
      return null;
    }
    if (slices.size() < MOST) {
      Slice slice = new Slice(label);
      slices.put(label, slice);
      return slice;
    }
    Slice other = others.get(name);
    if (other == null && others.size() < MOST_RULES) {
      other = new Slice(SliceLabel.newBuilder().setSlice(name).setValue(OTHER).build());
      others.put(name, other);
    }
    return other;
  }

  /** Slices times metrics that are searched. */
  int hypotheses() {
    Map<String, Integer> values = new HashMap<>();
    slices.keySet().forEach(label -> values.merge(label.getSlice(), 1, Integer::sum));
    for (SliceRule rule : spec.getContract().getSlicesList()) {
      if (rule.getEdgesCount() > 0) {
        values.merge(rule.getName(), rule.getEdgesCount() + 1, Math::max);
      }
    }
    return Math.multiplyExact(
        testedMetrics, values.values().stream().mapToInt(Integer::intValue).sum());
  }

  /**
   * Writes the slices, worst first: all that are against, and others up to {@value #SHOWN} in all.
   *
   * @param metrics of the whole, in the order of the plan
   */
  void report(EvidenceReport.Builder report, List<MetricFold> metrics) {
    int hypotheses = hypotheses();
    List<Slice> all = new ArrayList<>(slices.values());
    all.addAll(others.values());
    List<Standing> standings = standings(all, metrics, hypotheses);
    standings.sort(WORST_FIRST);
    double[] overall = new double[metrics.size()];
    for (int i = 0; i < overall.length; i++) {
      overall[i] = standings.isEmpty() ? Double.NaN : metrics.get(i).estimate().value();
    }
    int shown = 0;
    for (Standing standing : standings) {
      boolean against = standing.anyAgainst();
      if (against || (shown < SHOWN && standing.slice.observations() >= LEAST_OBSERVATIONS)) {
        report.addSlices(report(standing, against, overall));
        shown++;
      }
    }
    report.setSliceHypotheses(hypotheses);
  }

  private List<Standing> standings(List<Slice> all, List<MetricFold> metrics, int hypotheses) {
    int width = metrics.size();
    double[] tested = new double[all.size() * width];
    int[] at = new int[all.size() * width];
    int count = 0;
    List<Standing> standings = new ArrayList<>();
    for (Slice slice : all) {
      Standing standing = new Standing(slice, width);
      for (int i = 0; i < width; i++) {
        boolean refused = metrics.get(i) instanceof QualityFold quality && quality.refused();
        if (slice.metrics.get(i).tested() && !refused) {
          standing.logAgainst[i] = slice.metrics.get(i).logAgainst();
          at[count] = standings.size() * width + i;
          tested[count++] = standing.logAgainst[i];
        }
      }
      standings.add(standing);
    }
    if (count > 0) {
      boolean[] called =
          FalseDiscoveries.of(Arrays.copyOf(tested, count), hypotheses, spec.getAlpha());
      for (int k = 0; k < count; k++) {
        standings.get(at[k] / width).against[at[k] % width] = called[k];
      }
    }
    return standings;
  }

  private static SliceReport report(Standing standing, boolean against, double[] overall) {
    Slice slice = standing.slice;
    SliceReport.Builder report =
        SliceReport.newBuilder()
            .setLabel(slice.label)
            .setPairs(slice.pairs)
            .setMeanDivergence(slice.meanDivergence())
            .setChangedShare(slice.changedShare())
            .setAgainst(against);
    for (int i = 0; i < slice.metrics.size(); i++) {
      SliceEvidence evidence = slice.metrics.get(i);
      if (evidence.observations() > 0) {
        Estimate estimate = evidence.estimate();
        report.addMetrics(
            SliceMetric.newBuilder()
                .setName(evidence.metric.getName())
                .setKind(evidence.metric.getKind())
                .setObservations(evidence.observations())
                .setEstimate(estimate.value())
                .setLow(estimate.low())
                .setHigh(estimate.high())
                .setLogAgainst(standing.logAgainst[i])
                .setAgainst(standing.against[i]));
      }
    }
    int worst = standing.worst();
    return report
        .setStatement(
            SliceWords.of(
                slice.label,
                worst < 0
                    ? SliceWords.nothingToTest(slice.pairs)
                    : slice.metrics.get(worst).words(overall[worst])))
        .build();
  }
}
