package dev.understudy.evidence.divergence;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.understudy.proto.v1.Measure;
import dev.understudy.proto.v1.OutputKind;
import java.nio.ByteBuffer;

/** Whatever two models answer, a measurement comes out, and it is the same the second time. */
final class DivergenceFuzzTest {
  private static final String[] DATATYPES = {
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16",
    "BF16", "FP32", "FP64", "BYTES", "FP8"
  };

  @FuzzTest(maxDuration = "20s")
  void anyTwoAnswersAreMeasured(FuzzedDataProvider input) {
    OutputPlan plan =
        new OutputPlan(
            input.pickValue(OutputKind.values()),
            new Tolerance(input.consumeProbabilityDouble(), input.consumeProbabilityDouble(), 10),
            input.consumeInt(1, OutputPlan.MOST_TOP_K),
            input.consumeInt(1, OutputPlan.MOST_DEPTH));
    Tensor champion = tensor(input);
    Tensor copy = input.consumeBoolean() ? tensor(input) : champion;
    Comparer comparer = new Comparer();
    OutputMeasures first = new OutputMeasures();
    comparer.compare(plan, champion, copy, first);
    for (int row = 0; row < first.rows(); row++) {
      assertTrue(first.units(row) >= 0 && first.units(row) <= OutputMeasures.UNITS);
      if (champion == copy) {
        assertEquals(0, first.units(row));
      }
    }
    assertTrue(first.maxAbs() >= 0 && first.maxRel() >= 0 && first.maxUlp() >= 0);
    // The room is used again: nothing of the pair before may be left.
    OutputMeasures again = new OutputMeasures();
    comparer.missing(plan, champion, again);
    comparer.compare(plan, champion, copy, again);
    assertEquals(text(first), text(again));
  }

  private static String text(OutputMeasures of) {
    StringBuilder text = new StringBuilder();
    for (int row = 0; row < of.rows(); row++) {
      text.append(of.units(row)).append(of.flag(row)).append(' ');
    }
    for (Measure measure : Measure.values()) {
      if (measure != Measure.UNRECOGNIZED) {
        int units = of.meanUnits(measure);
        assertTrue(units >= -1 && units <= OutputMeasures.UNITS);
        text.append(measure).append(units).append(' ');
      }
    }
    return text.append(of.kind())
        .append(of.maxAbs())
        .append(' ')
        .append(of.maxRel())
        .append(' ')
        .append(of.maxUlp())
        .append(of.otherShape())
        .append(of.onlyCopyNotFinite())
        .toString();
  }

  private static Tensor tensor(FuzzedDataProvider input) {
    String datatype = input.pickValue(DATATYPES);
    long[] shape = new long[input.consumeInt(0, 3)];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = input.consumeInt(0, 9) == 0 ? input.consumeLong() : input.consumeInt(0, 4);
    }
    return Tensor.of(
        datatype, shape, ByteBuffer.wrap(input.consumeBytes(input.consumeInt(0, 200))));
  }
}
