package dev.understudy.proto.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import dev.understudy.proto.inference.DataType;
import dev.understudy.proto.inference.InferParameter;
import dev.understudy.proto.inference.InferTensorContents;
import dev.understudy.proto.inference.ModelConfig;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInput;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.inference.ModelMetadataResponse.TensorMetadata;
import dev.understudy.proto.inference.ModelOutput;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class SignatureCheckTest {
  private static TensorSpec spec(String name, Datatype type, long... dims) {
    return new TensorSpec(name, type, dims, false);
  }

  private static final List<TensorSpec> OUTPUTS = List.of(spec("y", Datatype.FP32, 1));

  /** Batches up to 8: "i" FP32[16]. */
  private static final Signature BATCHED =
      new Signature("m", 8, List.of(spec("i", Datatype.FP32, 16)), OUTPUTS);

  private static @Nullable String violation(
      Signature signature, ModelInferRequest.Builder request) {
    return new SignatureCheck(signature)
        .violation(InferRequestView.parse(ByteBuffer.wrap(request.build().toByteArray())));
  }

  private static ModelInferRequest.Builder raw(
      ModelInferRequest.Builder request, String name, String type, int size, long... shape) {
    var input = request.addInputsBuilder().setName(name).setDatatype(type);
    for (long dim : shape) {
      input.addShape(dim);
    }
    return request.addRawInputContents(ByteString.copyFrom(new byte[size]));
  }

  private static ModelInferRequest.Builder request() {
    return ModelInferRequest.newBuilder();
  }

  private static ModelInferRequest.Builder one(String type, int size, long... shape) {
    return raw(request(), "i", type, size, shape);
  }

  @Test
  void whatFitsPasses() {
    assertNull(violation(BATCHED, one("FP32", 64, 1, 16)));
    assertNull(violation(BATCHED, one("FP32", 512, 8, 16)));
    var asked = one("FP32", 64, 1, 16);
    asked.addOutputsBuilder().setName("y");
    assertNull(violation(BATCHED, asked));
  }

  @Test
  void numberOfInputs() {
    var three =
        new Signature(
            "m",
            0,
            List.of(
                spec("A", Datatype.INT8, 1),
                spec("B", Datatype.INT8, 1),
                spec("C", Datatype.INT8, 1)),
            OUTPUTS);
    assertEquals(
        "expected 3 inputs but got 1 inputs for model 'm'. Got input(s) ['A'], but missing required"
            + " input(s) ['B','C']. Please provide all required input(s).",
        violation(three, raw(request(), "A", "INT8", 1, 1)));
    assertEquals(
        "expected 3 inputs but got 0 inputs for model 'm'. Got input(s) [], but missing required"
            + " input(s) ['A','B','C']. Please provide all required input(s).",
        violation(three, request()));
  }

  @Test
  void optionalInputsMayBeLeftOutButRequiredOnesNot() {
    var optional =
        new Signature(
            "m",
            0,
            List.of(
                spec("A", Datatype.INT8, 1),
                new TensorSpec("B", Datatype.INT8, new long[] {1}, true)),
            OUTPUTS);
    assertNull(violation(optional, raw(request(), "A", "INT8", 1, 1)));
    assertNull(violation(optional, raw(raw(request(), "B", "INT8", 1, 1), "A", "INT8", 1, 1)));
    assertEquals(
        "expected number of inputs between 1 and 2 but got 1 inputs for model 'm'. Got input(s)"
            + " ['B'], but missing required input(s) ['A']. Please provide all required input(s).",
        violation(optional, raw(request(), "B", "INT8", 1, 1)));
  }

  @Test
  void namesOfInputsAndOutputs() {
    assertEquals(
        "unexpected inference input 'n' for model 'm'",
        violation(BATCHED, raw(request(), "n", "FP32", 64, 1, 16)));
    assertEquals(
        "input 'i' already exists in request",
        violation(BATCHED, raw(one("FP32", 64, 1, 16), "i", "FP32", 64, 1, 16)));
    assertEquals(
        "input 'n' already exists in request",
        violation(BATCHED, raw(raw(request(), "n", "FP32", 64, 1, 16), "n", "FP32", 64, 1, 16)));
    var unknown = one("FP32", 64, 1, 16);
    unknown.addOutputsBuilder().setName("z");
    assertEquals("unexpected inference output 'z' for model 'm'", violation(BATCHED, unknown));
    var twice = one("FP32", 64, 1, 16);
    twice.addOutputsBuilder().setName("y");
    twice.addOutputsBuilder().setName("y");
    assertEquals("output 'y' already exists in request", violation(BATCHED, twice));
  }

  @Test
  void datatypeShapeAndBatch() {
    assertEquals(
        "inference input 'i' data-type is 'INT32', but model 'm' expects 'FP32'",
        violation(BATCHED, one("INT32", 64, 1, 16)));
    assertEquals(
        "inference input 'i' data-type is 'float', but model 'm' expects 'FP32'",
        violation(BATCHED, one("float", 64, 1, 16)));
    for (long[] shape : new long[][] {{1, 15}, {1}, {}, {0, 16}, {-1, 16}, {1, 16, 1}}) {
      assertEquals(
          "unexpected shape for input 'i' for model 'm'. Expected [-1,16], got "
              + Arrays.toString(shape).replace(" ", ""),
          violation(BATCHED, one("FP32", 60, shape)));
    }
    assertEquals(
        "inference request batch-size must be <= 8 for 'm'",
        violation(BATCHED, one("FP32", 576, 9, 16)));
    var two =
        new Signature(
            "m", 8, List.of(spec("h", Datatype.INT8, -1), spec("i", Datatype.INT8, 1)), OUTPUTS);
    var request = raw(raw(request(), "h", "INT8", 6, 2, 3), "i", "INT8", 3, 3, 1);
    assertEquals(
        "input 'i' batch size does not match other inputs for 'm'", violation(two, request));
  }

  @Test
  void anyDimensionTakesEverySizeButNegativeOnes() {
    var any = new Signature("m", 0, List.of(spec("i", Datatype.INT8, -1, 2)), OUTPUTS);
    assertNull(violation(any, one("INT8", 6, 3, 2)));
    assertNull(violation(any, one("INT8", 0, 0, 2)));
    assertEquals(
        "unexpected shape for input 'i' for model 'm'. Expected [-1,2], got [-1,2]",
        violation(any, one("INT8", 6, -1, 2)));
    assertEquals(
        "input byte size mismatch for input 'i' for model 'm'. Expected 9223372036854775808, got 6",
        violation(any, one("INT8", 6, 1L << 62, 2)));
  }

  @Test
  void byteSizeOfRawAndTypedData() {
    String mismatch = "input byte size mismatch for input 'i' for model 'm'. Expected 64, got ";
    assertEquals(mismatch + 60, violation(BATCHED, one("FP32", 60, 1, 16)));
    var contents = InferTensorContents.newBuilder();
    for (int i = 0; i < 15; i++) {
      contents.addFp32Contents(i);
    }
    assertEquals(mismatch + 60, violation(BATCHED, typed("FP32", contents, 1, 16)));
    assertNull(violation(BATCHED, typed("FP32", contents.addFp32Contents(15), 1, 16)));
    var wrongField = InferTensorContents.newBuilder();
    for (int i = 0; i < 16; i++) {
      wrongField.addFp64Contents(i);
    }
    assertEquals(mismatch + 0, violation(BATCHED, typed("FP32", wrongField, 1, 16)));
    var half = new Signature("m", 0, List.of(spec("i", Datatype.FP16, 2)), OUTPUTS);
    assertEquals(
        "input byte size mismatch for input 'i' for model 'm'. Expected 4, got 0",
        violation(half, typed("FP16", contents, 2)));
  }

  private static ModelInferRequest.Builder typed(
      String type, InferTensorContents.Builder contents, long... shape) {
    var request = one(type, 0, shape).clearRawInputContents();
    request.getInputsBuilder(0).setContents(contents);
    return request;
  }

  @Test
  void dataGivenTwiceOrNotAtAll() {
    var both = one("FP32", 64, 1, 16);
    both.getInputsBuilder(0).setContents(InferTensorContents.getDefaultInstance());
    assertEquals(
        "contents field must not be specified when using raw_input_contents for 'i' for model 'm'",
        violation(BATCHED, both));
    assertEquals(
        "unable to find data for input tensor 'i' for model 'm' in request.",
        violation(BATCHED, one("FP32", 64, 1, 16).clearRawInputContents()));
  }

  @Test
  void sharedMemoryNeedsNoDataButTheRightSize() {
    var region = InferParameter.newBuilder().setStringParam("r").build();
    var shared = one("FP32", 64, 1, 16).clearRawInputContents();
    shared.getInputsBuilder(0).putParameters("shared_memory_region", region);
    assertNull(violation(BATCHED, shared));
    shared
        .getInputsBuilder(0)
        .putParameters(
            "shared_memory_byte_size", InferParameter.newBuilder().setInt64Param(63).build());
    assertEquals(
        "input byte size mismatch for input 'i' for model 'm'. Expected 64, got 63",
        violation(BATCHED, shared));
  }

  @Test
  void bytesElements() {
    var strings = new Signature("m", 0, List.of(spec("i", Datatype.BYTES, -1)), OUTPUTS);
    ByteBuffer two = BytesTensor.encode(List.of(new byte[] {'a', 'b'}, new byte[0]));
    assertNull(violation(strings, bytes(two, 2)));
    assertNull(violation(strings, bytes(ByteBuffer.allocate(0), 0)));
    assertEquals(
        "expected 3 string elements for inference input 'i' for model 'm', got 2",
        violation(strings, bytes(two, 3)));
    assertEquals(
        "expected 3 string elements for inference input 'i' for model 'm', got 0",
        violation(strings, bytes(ByteBuffer.allocate(0), 3)));
    assertEquals(
        "unexpected number of string elements 2 for inference input 'i' for model 'm', expecting 1",
        violation(strings, bytes(two, 1)));
    assertEquals(
        "incomplete string length indicator for inference input 'i' for model 'm', expecting 4"
            + " bytes but only 2 bytes available. Please make sure the string length indicator is"
            + " in one buffer.",
        violation(strings, bytes(two.slice(0, 8), 2)));
    assertEquals(
        "incomplete string data for inference input 'i' for model 'm', expecting string of length 2"
            + " but only 1 bytes available. Please make sure the string data is in one buffer.",
        violation(strings, bytes(two.slice(0, 5), 1)));
    var contents = InferTensorContents.newBuilder().addBytesContents(ByteString.EMPTY);
    assertNull(violation(strings, typed("BYTES", contents, 1)));
    assertEquals(
        "expected 2 string elements for inference input 'i' for model 'm', got 1",
        violation(strings, typed("BYTES", contents, 2)));
    assertEquals(
        "unexpected number of string elements 1 for inference input 'i' for model 'm', expecting 0",
        violation(strings, typed("BYTES", contents, 0)));
  }

  private static ModelInferRequest.Builder bytes(ByteBuffer raw, long count) {
    return one("BYTES", 0, count).setRawInputContents(0, ByteString.copyFrom(raw.duplicate()));
  }

  @Test
  void manyInputsInAnyOrderAreMatchedByName() {
    List<TensorSpec> specs = new ArrayList<>();
    var forwards = request();
    var backwards = request();
    for (int i = 0; i < 200; i++) {
      specs.add(spec("in" + i, Datatype.INT8, 1));
      raw(forwards, "in" + i, "INT8", 1, 1);
      raw(backwards, "in" + (199 - i), "INT8", 1, 1);
    }
    var many = new Signature("m", 0, specs, OUTPUTS);
    assertNull(violation(many, forwards));
    assertNull(violation(many, backwards));
    backwards.getInputsBuilder(7).setName("in0");
    assertEquals("input 'in0' already exists in request", violation(many, backwards));
  }

  @Test
  void configurationAndMetadataGiveTheSameSignature() {
    var config =
        ModelConfig.newBuilder()
            .setName("m")
            .setMaxBatchSize(8)
            .addInput(
                ModelInput.newBuilder().setName("i").setDataType(DataType.TYPE_FP32).addDims(16))
            .addOutput(
                ModelOutput.newBuilder().setName("y").setDataType(DataType.TYPE_FP32).addDims(1))
            .build();
    var metadata =
        ModelMetadataResponse.newBuilder()
            .setName("m")
            .addInputs(tensor("i", -1, 16))
            .addOutputs(tensor("y", -1, 1))
            .build();
    for (Signature signature : List.of(Signature.of(config), Signature.of(metadata, 8))) {
      assertEquals(BATCHED.modelName(), signature.modelName());
      assertEquals(BATCHED.maxBatchSize(), signature.maxBatchSize());
      assertEquals(BATCHED.inputs(), signature.inputs());
      assertEquals(BATCHED.outputs(), signature.outputs());
    }
    assertThrows(
        IllegalArgumentException.class,
        () ->
            Signature.of(
                ModelConfig.newBuilder().addInput(ModelInput.getDefaultInstance()).build()));
    assertThrows(
        IllegalArgumentException.class,
        () -> Signature.of(ModelMetadataResponse.newBuilder().addInputs(tensor("i")).build(), 1));
  }

  private static TensorMetadata tensor(String name, long... shape) {
    var tensor = TensorMetadata.newBuilder().setName(name).setDatatype("FP32");
    for (long dim : shape) {
      tensor.addShape(dim);
    }
    return tensor.build();
  }

  @Test
  void theBatchSizeIsTheFirstDimensionOfABatchingModel() {
    var view =
        InferRequestView.parse(ByteBuffer.wrap(one("FP32", 320, 5, 16).build().toByteArray()));
    assertEquals(5, new SignatureCheck(BATCHED).batchSize(view));
    var fixed = new Signature("m", 0, List.of(spec("i", Datatype.FP32, 5, 16)), OUTPUTS);
    assertEquals(1, new SignatureCheck(fixed).batchSize(view));
  }
}
