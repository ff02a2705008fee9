package dev.understudy.evidence.divergence;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.understudy.evidence.divergence.Divergence.Kind;
import java.nio.ByteBuffer;

/** Whatever two models answer, a measurement comes out, and it is the same the second time. */
final class DivergenceFuzzTest {
  private static final String[] DATATYPES = {
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16",
    "BF16", "FP32", "FP64", "BYTES", "FP8"
  };

  @FuzzTest(maxDuration = "20s")
  void anyTwoAnswersAreMeasured(FuzzedDataProvider input) {
    Kind kind = input.pickValue(Kind.values());
    Divergence divergence = Divergence.of(kind);
    if (input.consumeBoolean()) {
      divergence = divergence.withCutOff(input.consumeInt(0, 5), input.consumeRegularDouble());
    }
    Tensor champion = tensor(input);
    Tensor shadow = input.consumeBoolean() ? tensor(input) : champion;
    for (Measured measured : divergence.measure(champion, shadow)) {
      assertTrue(measured.units() >= 0 && measured.units() <= Measured.UNITS);
      assertTrue(measured.maxAbs() >= 0 && measured.maxRel() >= 0 && measured.maxUlp() >= 0);
      if (champion == shadow) {
        assertEquals(0, measured.units());
      }
    }
    assertEquals(divergence.measure(champion, shadow), divergence.measure(champion, shadow));
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
