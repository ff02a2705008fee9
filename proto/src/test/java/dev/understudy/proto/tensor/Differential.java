package dev.understudy.proto.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnknownFieldSet;
import com.google.protobuf.WireFormat;
import dev.understudy.proto.inference.InferParameter;
import dev.understudy.proto.inference.InferTensorContents;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Holds the views against the generated parser: the same bytes are accepted, up to the documented
 * strictness, and say the same.
 */
final class Differential {
  private Differential() {}

  /** Returns whether the bytes were accepted. */
  static boolean request(byte[] bytes) {
    ModelInferRequest expected = null;
    try {
      expected = ModelInferRequest.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      // Then the view must refuse it as well.
    }
    boolean refused =
        expected == null
            || beyondBounds(expected)
            || strictlyRefused(ModelInferRequest.getDescriptor(), bytes);
    boolean accepted = false;
    for (ByteBuffer buffer : placements(bytes)) {
      InferRequestView view = parse(buffer, InferRequestView::parse);
      accepted = view != null;
      assertTrue(
          accepted == !refused || (!accepted && hasOddVarint(bytes)), "accepted " + accepted);
      if (view != null && expected != null) {
        assertSame(expected, view);
      }
    }
    return accepted;
  }

  static boolean response(byte[] bytes) {
    ModelInferResponse expected = null;
    try {
      expected = ModelInferResponse.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      // Then the view must refuse it as well.
    }
    boolean refused =
        expected == null
            || beyondBounds(expected)
            || strictlyRefused(ModelInferResponse.getDescriptor(), bytes);
    boolean accepted = false;
    for (ByteBuffer buffer : placements(bytes)) {
      InferResponseView view = parse(buffer, InferResponseView::parse);
      accepted = view != null;
      assertTrue(
          accepted == !refused || (!accepted && hasOddVarint(bytes)), "accepted " + accepted);
      if (view != null && expected != null) {
        assertSame(expected, view);
      }
    }
    return accepted;
  }

  private static <V> @Nullable V parse(ByteBuffer buffer, Function<ByteBuffer, V> parser) {
    int position = buffer.position();
    try {
      return parser.apply(buffer);
    } catch (MalformedMessageException e) {
      assertTrue(e.offset() >= 0 && e.offset() <= buffer.remaining(), e.getMessage());
      return null;
    } finally {
      assertEquals(position, buffer.position());
    }
  }

  /** The same bytes on the heap, in the middle of a larger array, and outside the heap. */
  private static List<ByteBuffer> placements(byte[] bytes) {
    ByteBuffer middle = ByteBuffer.allocate(bytes.length + 64);
    while (middle.hasRemaining()) {
      middle.put((byte) 1);
    }
    middle.position(17).put(bytes).flip().position(17);
    ByteBuffer direct = ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
    return List.of(ByteBuffer.wrap(bytes), middle, direct);
  }

  private static boolean beyondBounds(ModelInferRequest message) {
    return message.getInputsList().stream().anyMatch(input -> input.getShapeCount() > 255);
  }

  private static boolean beyondBounds(ModelInferResponse message) {
    return message.getOutputsList().stream().anyMatch(output -> output.getShapeCount() > 255);
  }

  /** Is there anything that, read as a varint, has ten bytes of which the last is not 1? */
  private static boolean hasOddVarint(byte[] bytes) {
    int continued = 0;
    for (byte b : bytes) {
      if (b >= 0 && b != 1 && continued >= 9) {
        return true;
      }
      continued = b < 0 ? continued + 1 : 0;
    }
    return false;
  }

  /** Does it have groups, or known fields of the wrong wire type, which we refuse on purpose? */
  private static boolean strictlyRefused(Descriptor type, byte[] bytes) {
    UnknownFieldSet fields;
    try {
      fields = UnknownFieldSet.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError("the generated parser took what is no protobuf", e);
    }
    for (Map.Entry<Integer, UnknownFieldSet.Field> entry : fields.asMap().entrySet()) {
      UnknownFieldSet.Field field = entry.getValue();
      if (!field.getGroupList().isEmpty()) {
        return true;
      }
      FieldDescriptor known = type.findFieldByNumber(entry.getKey());
      if (known == null) {
        continue;
      }
      int wire = known.getLiteType().getWireType();
      if (wrong(field.getVarintList(), wire, WireFormat.WIRETYPE_VARINT)
          || wrong(field.getFixed32List(), wire, WireFormat.WIRETYPE_FIXED32)
          || wrong(field.getFixed64List(), wire, WireFormat.WIRETYPE_FIXED64)
          || (!known.isPackable()
              && wrong(
                  field.getLengthDelimitedList(), wire, WireFormat.WIRETYPE_LENGTH_DELIMITED))) {
        return true;
      }
      if (known.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
        for (ByteString nested : field.getLengthDelimitedList()) {
          if (strictlyRefused(known.getMessageType(), nested.toByteArray())) {
            return true;
          }
        }
      }
    }
    return false;
  }

  private static boolean wrong(List<?> values, int expected, int actual) {
    return !values.isEmpty() && expected != actual;
  }

  private static void assertSame(ModelInferRequest expected, InferRequestView view) {
    assertEquals(expected.getModelName(), view.modelName());
    assertEquals(expected.getModelVersion(), view.modelVersion());
    assertEquals(expected.getId(), view.id());
    assertSame(expected.getParametersMap(), view.parameters());
    assertRaws(expected.getRawInputContentsList(), view);
    assertEquals(expected.getInputsCount(), view.inputCount());
    int nextRaw = 0;
    for (int i = 0; i < view.inputCount(); i++) {
      ModelInferRequest.InferInputTensor input = expected.getInputs(i);
      TensorView actual = view.input(i);
      assertTensor(
          input.getName(), input.getDatatype(), input.getShapeList(), input.hasContents(), actual);
      assertSame(input.getParametersMap(), actual.parameters());
      boolean shared = input.containsParameters("shared_memory_region");
      assertEquals(shared, actual.inSharedMemory());
      boolean raw =
          !shared && !input.hasContents() && nextRaw < expected.getRawInputContentsCount();
      assertEquals(raw ? nextRaw++ : -1, actual.rawIndex());
      if (!raw && input.hasContents()) {
        assertTyped(input.getContents(), view, i);
      }
    }
    assertEquals(expected.getOutputsCount(), view.requestedOutputs().size());
    for (int i = 0; i < expected.getOutputsCount(); i++) {
      RequestedOutput actual = view.requestedOutputs().get(i);
      assertEquals(expected.getOutputs(i).getName(), actual.name());
      assertSame(expected.getOutputs(i).getParametersMap(), actual.parameters());
    }
  }

  private static void assertSame(ModelInferResponse expected, InferResponseView view) {
    assertEquals(expected.getModelName(), view.modelName());
    assertEquals(expected.getModelVersion(), view.modelVersion());
    assertEquals(expected.getId(), view.id());
    assertSame(expected.getParametersMap(), view.parameters());
    assertRaws(expected.getRawOutputContentsList(), view);
    assertEquals(expected.getOutputsCount(), view.outputCount());
    for (int i = 0; i < view.outputCount(); i++) {
      ModelInferResponse.InferOutputTensor output = expected.getOutputs(i);
      TensorView actual = view.output(i);
      assertTensor(
          output.getName(),
          output.getDatatype(),
          output.getShapeList(),
          output.hasContents(),
          actual);
      assertSame(output.getParametersMap(), actual.parameters());
      assertEquals(i < expected.getRawOutputContentsCount() ? i : -1, actual.rawIndex());
      if (actual.rawIndex() < 0 && output.hasContents()) {
        assertTyped(output.getContents(), view, i);
      }
    }
  }

  private static void assertTensor(
      String name, String datatype, List<Long> shape, boolean contents, TensorView actual) {
    assertEquals(name, actual.name());
    assertEquals(datatype, actual.datatypeName());
    assertEquals(Datatype.of(datatype), actual.datatype());
    assertArrayEquals(shape.stream().mapToLong(Long::longValue).toArray(), actual.shape());
    assertEquals(contents, actual.hasContents());
  }

  private static void assertRaws(List<ByteString> expected, InferMessage view) {
    assertEquals(expected.size(), view.rawCount());
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i).asReadOnlyByteBuffer(), view.raw(i));
      assertEquals(ByteOrder.LITTLE_ENDIAN, view.raw(i).order());
    }
  }

  private static void assertSame(Map<String, InferParameter> expected, Parameters actual) {
    assertEquals(expected.keySet(), actual.names());
    expected.forEach((key, value) -> assertEquals(value(value), actual.get(key)));
    assertEquals(expected.isEmpty(), actual.isEmpty());
  }

  static ParameterValue value(InferParameter parameter) {
    return switch (parameter.getParameterChoiceCase()) {
      case BOOL_PARAM -> new ParameterValue.Bool(parameter.getBoolParam());
      case INT64_PARAM -> new ParameterValue.Int64(parameter.getInt64Param());
      case STRING_PARAM -> new ParameterValue.Text(parameter.getStringParam());
      case DOUBLE_PARAM -> new ParameterValue.Float64(parameter.getDoubleParam());
      case UINT64_PARAM -> new ParameterValue.UInt64(parameter.getUint64Param());
      case PARAMETERCHOICE_NOT_SET -> new ParameterValue.Unset();
    };
  }

  /** Converts typed contents by way of the generated lists and compares. */
  static void assertTyped(InferTensorContents contents, InferMessage view, int index) {
    Datatype type = view.tensor(index).datatype();
    if (type == null) {
      return;
    }
    ByteBuffer expected =
        ByteBuffer.allocate(contents.getSerializedSize() * 8 + 8).order(ByteOrder.LITTLE_ENDIAN);
    switch (type) {
      case BOOL -> contents.getBoolContentsList().forEach(v -> expected.put((byte) (v ? 1 : 0)));
      case INT8 -> contents.getIntContentsList().forEach(v -> expected.put(v.byteValue()));
      case INT16 -> contents.getIntContentsList().forEach(v -> expected.putShort(v.shortValue()));
      case INT32 -> contents.getIntContentsList().forEach(expected::putInt);
      case UINT8 -> contents.getUintContentsList().forEach(v -> expected.put(v.byteValue()));
      case UINT16 -> contents.getUintContentsList().forEach(v -> expected.putShort(v.shortValue()));
      case UINT32 -> contents.getUintContentsList().forEach(expected::putInt);
      case INT64 -> contents.getInt64ContentsList().forEach(expected::putLong);
      case UINT64 -> contents.getUint64ContentsList().forEach(expected::putLong);
      case FP32 -> contents.getFp32ContentsList().forEach(expected::putFloat);
      case FP64 -> contents.getFp64ContentsList().forEach(expected::putDouble);
      case BYTES ->
          contents
              .getBytesContentsList()
              .forEach(v -> expected.putInt(v.size()).put(v.asReadOnlyByteBuffer()));
      case FP16, BF16 -> {}
    }
    expected.flip();
    assertEquals(expected.remaining(), TensorData.size(view, index));
    assertEquals(expected, TensorData.of(view, index));
    ByteBuffer target = ByteBuffer.allocate(expected.remaining() + 5).position(3);
    TensorData.copy(view, index, target);
    assertEquals(3 + expected.remaining(), target.position());
    assertEquals(expected, target.flip().position(3));
  }
}
