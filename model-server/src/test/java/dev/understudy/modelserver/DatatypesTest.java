package dev.understudy.modelserver;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.understudy.modelkit.fixtures.Fixtures;
import dev.understudy.modelkit.onnx.ElementType;
import dev.understudy.modelserver.config.ModelServerConfig;
import dev.understudy.proto.inference.InferTensorContents;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.inference.RepositoryIndexRequest;
import dev.understudy.proto.tensor.BytesTensor;
import dev.understudy.proto.tensor.Datatype;
import io.grpc.Status;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every datatype goes in raw and typed and comes back unchanged, from real models. */
class DatatypesTest {
  @TempDir static Path repository;
  static TestServer server;

  @BeforeAll
  static void start() throws Exception {
    for (ElementType type : ElementType.values()) {
      Fixtures.write(repository, "identity_" + type, 1, Fixtures.identity(type), null);
    }
    server = TestServer.start(ModelServerConfig.local(repository));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @ParameterizedTest
  @EnumSource(
      value = Datatype.class,
      names = {"UINT16", "UINT32", "UINT64", "BYTES"},
      mode = EnumSource.Mode.EXCLUDE)
  void rawContentsComeBackUnchanged(Datatype type) {
    // Three calls: the first without, the later ones with pinned outputs where they can be.
    for (int rows : new int[] {1, 3, 2}) {
      byte[] bytes = new byte[rows * 4 * type.byteSize()];
      new SplittableRandom(rows).nextBytes(bytes);
      if (type == Datatype.BOOL) {
        for (int i = 0; i < bytes.length; i++) {
          bytes[i] &= 1;
        }
      }
      ModelInferResponse response =
          infer(
              type,
              ModelInferRequest.newBuilder()
                  .addInputs(TestServer.tensor("x", type, rows, 4))
                  .addRawInputContents(ByteString.copyFrom(bytes)));
      assertEquals(type.wireName(), response.getOutputs(0).getDatatype());
      assertEquals(List.of((long) rows, 4L), response.getOutputs(0).getShapeList());
      assertArrayEquals(bytes, response.getRawOutputContents(0).toByteArray());
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Datatype.class,
      names = {"UINT16", "UINT32", "UINT64", "FP16", "BF16"},
      mode = EnumSource.Mode.EXCLUDE)
  void typedContentsComeBackRaw(Datatype type) {
    InferTensorContents.Builder contents = InferTensorContents.newBuilder();
    for (int i = 0; i < 4; i++) {
      switch (type) {
        case BOOL -> contents.addBoolContents(i % 2 == 1);
        case INT8, INT16, INT32 -> contents.addIntContents(i);
        case UINT8 -> contents.addUintContents(i);
        case INT64 -> contents.addInt64Contents(i);
        case FP32 -> contents.addFp32Contents(i);
        case FP64 -> contents.addFp64Contents(i);
        case BYTES -> contents.addBytesContents(ByteString.copyFromUtf8("s" + i));
        default -> throw new AssertionError(type);
      }
    }
    ModelInferResponse response =
        infer(
            type,
            ModelInferRequest.newBuilder()
                .addInputs(TestServer.typed("x", type, contents.build(), 2, 2)));
    assertFalse(response.getOutputs(0).hasContents(), "answers are always raw");
    ByteBuffer raw =
        response
            .getRawOutputContents(0)
            .asReadOnlyByteBuffer()
            .order(java.nio.ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 4; i++) {
      switch (type) {
        case BOOL -> assertEquals(i % 2, raw.get());
        case INT8, UINT8 -> assertEquals(i, raw.get());
        case INT16 -> assertEquals(i, raw.getShort());
        case INT32 -> assertEquals(i, raw.getInt());
        case INT64 -> assertEquals(i, raw.getLong());
        case FP32 -> assertEquals(i, raw.getFloat());
        case FP64 -> assertEquals(i, raw.getDouble());
        case BYTES -> {
          byte[] text = new byte[raw.getInt()];
          raw.get(text);
          assertEquals("s" + i, new String(text, StandardCharsets.UTF_8));
        }
        default -> throw new AssertionError(type);
      }
    }
    assertFalse(raw.hasRemaining());
  }

  @Test
  void stringsKeepTheirLettersAndOddOnesAreRefused() {
    var words = List.of("", "Grüße", "日本", "a b");
    ModelInferResponse response = infer(Datatype.BYTES, strings(words));
    assertEquals(
        words,
        BytesTensor.decode(response.getRawOutputContents(0).asReadOnlyByteBuffer()).stream()
            .map(bytes -> new String(bytes, StandardCharsets.UTF_8))
            .toList());
    TestServer.refused(
        Status.Code.INVALID_ARGUMENT,
        "beyond U+FFFF",
        () -> infer(Datatype.BYTES, strings(List.of("😀"))));
    TestServer.refused(
        Status.Code.INVALID_ARGUMENT,
        "not UTF-8",
        () ->
            infer(
                Datatype.BYTES,
                ModelInferRequest.newBuilder()
                    .addInputs(TestServer.tensor("x", Datatype.BYTES, 1, 1))
                    .addRawInputContents(
                        ByteString.copyFrom(new byte[] {1, 0, 0, 0, (byte) 255}))));
  }

  @Test
  void emptyDimensionsAreCarried() {
    ModelInferResponse response =
        infer(
            Datatype.FP32,
            ModelInferRequest.newBuilder()
                .addInputs(TestServer.tensor("x", Datatype.FP32, 2, 0))
                .addRawInputContents(ByteString.EMPTY));
    assertEquals(List.of(2L, 0L), response.getOutputs(0).getShapeList());
    assertTrue(response.getRawOutputContents(0).isEmpty());
  }

  @ParameterizedTest
  @EnumSource(
      value = Datatype.class,
      names = {"UINT16", "UINT32", "UINT64"})
  void typesWithoutJavaTensorAreRefusedAtLoadWithTheRemedy(Datatype type) {
    var line =
        server
            .client()
            .repositoryIndex(RepositoryIndexRequest.getDefaultInstance())
            .getModelsList()
            .stream()
            .filter(model -> model.getName().equals("identity_" + type))
            .findFirst()
            .orElseThrow();
    assertEquals("UNAVAILABLE", line.getState());
    assertTrue(line.getReason().contains("has type " + type), line.getReason());
    assertTrue(line.getReason().contains("add a Cast"), line.getReason());
    TestServer.refused(
        Status.Code.NOT_FOUND,
        "has no available versions",
        () ->
            server
                .client()
                .modelMetadata(
                    ModelMetadataRequest.newBuilder().setName("identity_" + type).build()));
  }

  private static ModelInferRequest.Builder strings(List<String> words) {
    InferTensorContents.Builder contents = InferTensorContents.newBuilder();
    words.forEach(word -> contents.addBytesContents(ByteString.copyFromUtf8(word)));
    return ModelInferRequest.newBuilder()
        .addInputs(TestServer.typed("x", Datatype.BYTES, contents.build(), 1, words.size()));
  }

  private static ModelInferResponse infer(Datatype type, ModelInferRequest.Builder request) {
    return server.client().modelInfer(request.setModelName("identity_" + type).build());
  }
}
