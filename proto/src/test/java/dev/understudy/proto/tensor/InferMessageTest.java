package dev.understudy.proto.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.understudy.proto.inference.InferParameter;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferRequest.InferInputTensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class InferMessageTest {
  private static byte[] hex(String hex) {
    return HexFormat.of().parseHex(hex.replace(" ", ""));
  }

  private static void refused(String hex, String why) {
    byte[] bytes = hex(hex);
    assertFalse(Differential.request(bytes));
    var e =
        assertThrows(
            MalformedMessageException.class, () -> InferRequestView.parse(ByteBuffer.wrap(bytes)));
    assertTrue(String.valueOf(e.getMessage()).contains(why), e.getMessage());
  }

  @Test
  void wellFormedMessagesSayTheSameAsTheGeneratedClasses() {
    var messages = new RandomMessages(1);
    for (int i = 0; i < 5_000; i++) {
      assertTrue(Differential.request(messages.request()));
      assertTrue(Differential.response(messages.response()));
    }
  }

  @Test
  void damagedMessagesAreAcceptedExactlyWhenTheGeneratedParserDoes() {
    var messages = new RandomMessages(2);
    int accepted = 0;
    int runs = 20_000;
    for (int i = 0; i < runs; i++) {
      accepted += Differential.request(messages.mutate(messages.request())) ? 1 : 0;
      accepted += Differential.response(messages.mutate(messages.response())) ? 1 : 0;
    }
    assertTrue(accepted > runs / 10 && accepted < 2 * runs * 9 / 10, accepted + " accepted");
  }

  @Test
  void everyPrefixIsTreatedAsTheGeneratedParserTreatsIt() {
    byte[] request = new RandomMessages(3).request();
    for (int length = 0; length < request.length; length++) {
      Differential.request(Arrays.copyOf(request, length));
    }
  }

  @Test
  void concatenatedMessagesAreMerged() throws IOException {
    var messages = new RandomMessages(4);
    for (int i = 0; i < 2_000; i++) {
      var both = new ByteArrayOutputStream();
      both.write(messages.request());
      both.write(messages.request());
      assertTrue(Differential.request(both.toByteArray()));
    }
  }

  @Test
  void mergesRepeatedContentsAndShapesPackedOrNot() {
    // inputs { name "a" datatype "INT32" shape 2 (single), shape [1,1] (packed),
    // contents { int 5 (single) }, contents { int [6, -1] (packed) } }
    byte[] bytes =
        hex(
            "2a 25 0a 01 61 12 05 49 4e 54 33 32 18 02 1a 02 01 01"
                + "2a 02 10 05 2a 0d 12 0b 06 ff ff ff ff ff ff ff ff ff 01");
    bytes[1] = (byte) (bytes.length - 2);
    assertTrue(Differential.request(bytes));
    var view = InferRequestView.parse(ByteBuffer.wrap(bytes));
    assertEquals(2, view.input(0).elementCount());
    ByteBuffer data = TensorData.of(view, 0);
    assertEquals(12, data.remaining());
    assertEquals(5, data.getInt(0));
    assertEquals(6, data.getInt(4));
    assertEquals(-1, data.getInt(8));
  }

  @Test
  void refusesWhatIsMalformedAndSaysWhere() {
    refused("0a 05 61", "truncated: length 5, 1 bytes left");
    refused("0a ff ff ff ff 0f", "negative length -1");
    refused("0a 80 80 80 80 80 80 80 80 80 80 01", "varint longer than 10 bytes");
    refused("48 80 80 80 80 80 80 80 80 80 00", "tenth byte is 0");
    refused("48 80 80 80 80 80 80 80 80 80 03", "tenth byte is 3");
    refused("0a", "truncated varint");
    refused("00", "field number 0");
    refused("0a 01 ff", "model_name is not UTF-8");
    refused("0a 02 c0 80", "model_name is not UTF-8");
    refused("0a 03 ed a0 80", "model_name is not UTF-8");
    refused("0a 04 f4 90 80 80", "model_name is not UTF-8");
    refused("0e", "wire type 6");
    refused("2a 04 2a 02 32 03", "truncated: length 3");
    refused("2a 06 2a 04 32 02 00 00", "within an element");
  }

  @Test
  void isStricterThanTheGeneratedParserWhereItSaysSo() throws IOException {
    // model_name as a varint, and a group in field 9.
    for (String hex : new String[] {"08 01", "4b 4c", "2a 02 08 01", "22 02 08 01"}) {
      assertTrue(ModelInferRequest.parseFrom(hex(hex)).isInitialized(), hex);
      assertFalse(Differential.request(hex(hex)), hex);
    }
  }

  @Test
  void boundsTheNumberOfEverything() {
    var inputs = ModelInferRequest.newBuilder();
    var raws = ModelInferRequest.newBuilder();
    var outputs = ModelInferRequest.newBuilder();
    for (int i = 0; i < 10_000; i++) {
      inputs.addInputs(InferInputTensor.getDefaultInstance());
      raws.addRawInputContents(ByteString.EMPTY);
      outputs.addOutputsBuilder();
    }
    assertEquals(10_000, view(inputs).inputCount());
    assertEquals(10_000, view(raws).rawCount());
    assertEquals(10_000, view(outputs).requestedOutputs().size());
    inputs.addInputs(InferInputTensor.getDefaultInstance());
    raws.addRawInputContents(ByteString.EMPTY);
    outputs.addOutputsBuilder();
    assertThrows(MalformedMessageException.class, () -> view(inputs));
    assertThrows(MalformedMessageException.class, () -> view(raws));
    assertThrows(MalformedMessageException.class, () -> view(outputs));
    var deep = ModelInferRequest.newBuilder();
    var shape = deep.addInputsBuilder();
    for (int i = 0; i < 255; i++) {
      shape.addShape(1);
    }
    assertEquals(255, view(deep).input(0).rank());
    shape.addShape(1);
    assertThrows(MalformedMessageException.class, () -> view(deep));
  }

  private static InferRequestView view(ModelInferRequest.Builder message) {
    return InferRequestView.parse(ByteBuffer.wrap(message.build().toByteArray()));
  }

  @Test
  void elementCountKnowsZeroNegativeAndOverflow() {
    assertEquals(1, count());
    assertEquals(12, count(3, 4));
    assertEquals(-1, count(3, -1));
    assertEquals(0, count(1L << 62, 8, 0));
    assertEquals(-1, count(0, -1));
    assertEquals(-1, count(1L << 62, 2));
    assertEquals(-1, count(Long.MIN_VALUE, 2));
    assertEquals(1L << 62, count(1L << 31, 1L << 31));
  }

  private static long count(long... shape) {
    var message = ModelInferRequest.newBuilder();
    var input = message.addInputsBuilder();
    for (long dim : shape) {
      input.addShape(dim);
    }
    return view(message).input(0).elementCount();
  }

  @Test
  void rawSlicesAliasTheMessageAndCannotBeWritten() {
    byte[] bytes =
        ModelInferRequest.newBuilder()
            .addRawInputContents(ByteString.copyFromUtf8("data"))
            .build()
            .toByteArray();
    ByteBuffer raw = InferRequestView.parse(ByteBuffer.wrap(bytes)).raw(0);
    assertThrows(ReadOnlyBufferException.class, () -> raw.put(0, (byte) 1));
    bytes[bytes.length - 1] = 'x';
    assertEquals('x', raw.get(3));
  }

  @Test
  void theRawIndexAdvancesOnlyOnInputsOutsideSharedMemory() {
    var message = ModelInferRequest.newBuilder();
    message
        .addInputsBuilder()
        .setName("shared")
        .putParameters(
            "shared_memory_region", InferParameter.newBuilder().setStringParam("r").build());
    message.addInputsBuilder().setName("raw");
    message.addInputsBuilder().setName("none");
    message.addRawInputContents(ByteString.EMPTY);
    var view = view(message);
    assertEquals(-1, view.input(0).rawIndex());
    assertEquals(0, view.input(1).rawIndex());
    assertEquals(-1, view.input(2).rawIndex());
    assertTrue(view.usesSharedMemory());
    assertFalse(view(message.removeInputs(0)).usesSharedMemory());
    assertNull(view.tensor("absent"));
    assertEquals(1, view.tensor(1).rawIndex() + 1);
  }
}
