package dev.understudy.evidence.tally;

import dev.understudy.evidence.divergence.OutputMeasures;
import dev.understudy.proto.v1.Measure;
import dev.understudy.proto.v1.MeasureTally;
import dev.understudy.proto.v1.OutputKind;
import java.util.EnumMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/** Sums of every measure of every output, for display. */
final class MeasureSums {
  private static final Measure[] MEASURES = Measure.values();

  private static final class Sum {
    long pairs;
    long units;
    int most;
  }

  private static final class Output {
    final Map<Measure, Sum> sums = new EnumMap<>(Measure.class);
    double maxAbs;
    double maxRel;
    long maxUlp;
    boolean distances;
  }

  private final TreeMap<String, Output> outputs = new TreeMap<>();

  void add(Pair pair) {
    for (int i = 0; i < pair.outputs(); i++) {
      Output output = outputs.get(pair.name(i));
      if (output == null) {
        if (outputs.size() >= Plans.MOST_OUTPUTS) {
          continue; // Names that change from answer to answer.
        }
        output = new Output();
        outputs.put(pair.name(i), output);
      }
      add(output, pair.output(i));
    }
  }

  private static void add(Output output, OutputMeasures measures) {
    for (Measure measure : MEASURES) {
      if (measure == Measure.UNRECOGNIZED) {
        continue;
      }
      int units = measures.meanUnits(measure);
      if (units < 0) {
        continue;
      }
      Sum sum = output.sums.get(measure);
      if (sum == null) {
        sum = new Sum();
        output.sums.put(measure, sum);
      }
      sum.pairs++;
      sum.units += units;
      sum.most = Math.max(sum.most, units);
    }
    OutputKind kind = measures.kind();
    if (kind == OutputKind.LABELS || kind == OutputKind.RANKING || kind == OutputKind.TEXT) {
      return;
    }
    output.distances = true;
    output.maxAbs = Math.max(output.maxAbs, measures.maxAbs());
    output.maxRel = Math.max(output.maxRel, measures.maxRel());
    output.maxUlp = Math.max(output.maxUlp, measures.maxUlp());
  }

  /** By output and measure ascending; the differences go with an output's first measure. */
  void forEach(Consumer<MeasureTally> sink) {
    outputs.forEach((name, output) -> {
      boolean first = output.distances;
      for (Map.Entry<Measure, Sum> entry : output.sums.entrySet()) {
        Sum sum = entry.getValue();
        MeasureTally.Builder tally =
            MeasureTally.newBuilder()
                .setOutput(name)
                .setMeasure(entry.getKey())
                .setPairs(sum.pairs)
                .setUnitsSum(sum.units)
                .setUnitsMax(sum.most);
        if (first) {
          tally.setMaxAbs(output.maxAbs).setMaxRel(output.maxRel).setMaxUlp(output.maxUlp);
          first = false;
        }
        sink.accept(tally.build());
      }
    });
  }
}
