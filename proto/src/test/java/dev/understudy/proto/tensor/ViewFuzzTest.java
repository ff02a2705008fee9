package dev.understudy.proto.tensor;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.junit.jupiter.api.Assertions;

class ViewFuzzTest {
  @FuzzTest(maxDuration = "60s")
  void requestsAreReadAsTheGeneratedParserReadsThem(byte[] data) {
    Differential.request(data);
  }

  @FuzzTest(maxDuration = "60s")
  void responsesAreReadAsTheGeneratedParserReadsThem(byte[] data) {
    Differential.response(data);
  }

  /** The first byte picks the datatype, the rest is an {@code InferTensorContents}. */
  @FuzzTest(maxDuration = "60s")
  void typedContentsAreConvertedAsTheGeneratedListsSay(byte[] data) {
    if (data.length == 0) {
      return;
    }
    Datatype[] all = Datatype.values();
    String type = all[(data[0] & 0xff) % all.length].wireName();
    byte[] contents = Arrays.copyOfRange(data, 1, data.length);
    var input = new WireWriter().string(2, type).bytes(5, contents).toArray();
    Differential.request(new WireWriter().bytes(5, input).toArray());
  }

  /** The first byte is the expected number of elements, the rest the tensor. */
  @FuzzTest(maxDuration = "60s")
  void bytesTensorsPassExactlyWhenTheyDecodeToTheExpectedNumber(byte[] data) {
    if (data.length == 0) {
      return;
    }
    ByteBuffer raw = ByteBuffer.wrap(data, 1, data.length - 1);
    int got;
    try {
      got = BytesTensor.decode(raw).size();
      Assertions.assertEquals(raw, BytesTensor.encode(BytesTensor.decode(raw)));
    } catch (TensorException e) {
      got = -1;
    }
    int expected = data[0] & 0xff;
    String problem = BytesTensor.violation(raw, expected, "i", "m");
    Assertions.assertEquals(got == expected, problem == null, String.valueOf(problem));
  }
}
