package dev.understudy.proto.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import dev.understudy.proto.inference.DataType;
import dev.understudy.proto.inference.InferTensorContents;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Locale;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class TensorDataTest {
  @Test
  void typedContentsOfEveryDatatypeAreConvertedAsTheGeneratedListsSay() {
    var messages = new RandomMessages(31);
    for (int i = 0; i < 2_000; i++) {
      for (Datatype type : Datatype.values()) {
        InferTensorContents contents = messages.contents();
        var request = ModelInferRequest.newBuilder();
        request.addInputsBuilder().setDatatype(type.wireName()).setContents(contents);
        byte[] bytes = request.build().toByteArray();
        Differential.assertTyped(contents, InferRequestView.parse(ByteBuffer.wrap(bytes)), 0);
      }
    }
  }

  @Test
  void rawDataIsHandedOutAsItLies() {
    var response = ModelInferResponse.newBuilder();
    response.addOutputsBuilder().setDatatype("FP16");
    response.addRawOutputContents(ByteString.copyFromUtf8("ab"));
    var view = InferResponseView.parse(ByteBuffer.wrap(response.build().toByteArray()));
    assertEquals(ByteBuffer.wrap(new byte[] {'a', 'b'}), TensorData.of(view, 0));
    assertEquals(2, TensorData.size(view, 0));
    ByteBuffer small = ByteBuffer.allocate(1);
    assertThrows(IllegalArgumentException.class, () -> TensorData.copy(view, 0, small));
    assertEquals(0, small.position());
    ByteBuffer large = ByteBuffer.allocate(3);
    TensorData.copy(view, 0, large);
    assertEquals(2, large.position());
  }

  @Test
  void missingDataAndUnknownDatatypesAreSaid() {
    var request = ModelInferRequest.newBuilder().setModelName("m");
    request.addInputsBuilder().setName("i").setDatatype("FP32");
    assertText(
        "unable to find data for input tensor 'i' for model 'm' in request.",
        InferRequestView.parse(ByteBuffer.wrap(request.build().toByteArray())));
    request.getInputsBuilder(0).setDatatype("FP8").getContentsBuilder();
    assertText(
        "tensor 'i' has unknown data-type 'FP8'",
        InferRequestView.parse(ByteBuffer.wrap(request.build().toByteArray())));
    var response = ModelInferResponse.newBuilder();
    response.addOutputsBuilder().setName("o");
    assertText(
        "no data for output tensor 'o' in the response",
        InferResponseView.parse(ByteBuffer.wrap(response.build().toByteArray())));
  }

  private static void assertText(String text, InferMessage message) {
    assertEquals(
        text, assertThrows(TensorException.class, () -> TensorData.of(message, 0)).getMessage());
  }

  @Test
  void datatypesHaveTheirWireNamesSizesFieldsAndConfigurationTypes() {
    assertEquals(14, Datatype.values().length);
    for (Datatype type : Datatype.values()) {
      assertEquals(type, Datatype.of(type.wireName()));
      assertEquals(type, Datatype.of(type.configType()));
      String config = type == Datatype.BYTES ? "STRING" : type.wireName();
      assertEquals("TYPE_" + config, type.configType().name());
      String digits = type.wireName().replaceAll("\\D", "");
      int size = type == Datatype.BOOL ? 1 : digits.isEmpty() ? 0 : Integer.parseInt(digits) / 8;
      assertEquals(size, type.byteSize(), type.wireName());
      var field =
          InferTensorContents.getDescriptor().findFieldByNumber(Math.max(1, type.typedField()));
      String expected =
          switch (type) {
            case FP16, BF16 -> "";
            case INT8, INT16, INT32 -> "int_contents";
            case UINT8, UINT16, UINT32 -> "uint_contents";
            default -> type.wireName().toLowerCase(Locale.ROOT) + "_contents";
          };
      assertEquals(expected, type.typedField() == 0 ? "" : field.getName());
    }
    assertNull(Datatype.of("fp32"));
    assertNull(Datatype.of(DataType.TYPE_INVALID));
    assertNull(Datatype.of(DataType.UNRECOGNIZED));
  }

  @Test
  void classFilesRunOnJava17() throws IOException {
    for (Class<?> type : new Class<?>[] {SignatureCheck.class, ModelInferRequest.class}) {
      try (var in =
          new DataInputStream(
              Objects.requireNonNull(
                  type.getResourceAsStream("/" + type.getName().replace('.', '/') + ".class")))) {
        assertEquals(0xCAFEBABE, in.readInt());
        assertEquals(0, in.readUnsignedShort());
        assertEquals(61, in.readUnsignedShort());
      }
    }
  }
}
