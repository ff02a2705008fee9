package dev.understudy.modelserver;

import com.google.protobuf.ByteString;
import dev.understudy.modelserver.config.ModelServerConfig;
import dev.understudy.modelserver.execution.InferenceBackend;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.InferTensorContents;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferRequest.InferInputTensor;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ModelStatistics;
import dev.understudy.proto.inference.ModelStatisticsRequest;
import dev.understudy.proto.tensor.Datatype;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.function.Executable;

/** A real server on loopback and a client of it. */
public final class TestServer implements AutoCloseable {
  private final ModelServer server;
  private final ManagedChannel channel;

  private TestServer(ModelServer server) {
    this.server = server;
    this.channel =
        NettyChannelBuilder.forAddress("127.0.0.1", server.ports().getOrDefault("grpc", 0))
            .usePlaintext()
            .maxInboundMessageSize(Integer.MAX_VALUE)
            .build();
  }

  public static TestServer start(ModelServerConfig config) throws IOException {
    return new TestServer(ModelServer.start(config));
  }

  public static TestServer start(ModelServerConfig config, InferenceBackend backend)
      throws IOException {
    return new TestServer(ModelServer.start(config, backend));
  }

  public ModelServer server() {
    return server;
  }

  public ManagedChannel channel() {
    return channel;
  }

  public GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub client() {
    return GRPCInferenceServiceGrpc.newBlockingStub(channel)
        .withDeadlineAfter(20, TimeUnit.SECONDS);
  }

  public GRPCInferenceServiceGrpc.GRPCInferenceServiceFutureStub futures() {
    return GRPCInferenceServiceGrpc.newFutureStub(channel).withDeadlineAfter(20, TimeUnit.SECONDS);
  }

  public ModelStatistics statistics(String model) {
    return client()
        .modelStatistics(ModelStatisticsRequest.newBuilder().setName(model).build())
        .getModelStats(0);
  }

  /** The page that Prometheus reads. */
  public String metrics() throws IOException, InterruptedException {
    int port = server.ports().getOrDefault("metrics", 0);
    try (var http = HttpClient.newHttpClient()) {
      return http.send(
              HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/metrics")).build(),
              HttpResponse.BodyHandlers.ofString())
          .body();
    }
  }

  /** Waits until so many requests wait in the queue of the model's version 1. */
  public void awaitPending(String model, int count) throws IOException, InterruptedException {
    String line =
        "nv_inference_pending_request_count{model=\"" + model + "\",version=\"1\"} " + count;
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (!metrics().contains(line + "\n")) {
      Assertions.assertTrue(System.nanoTime() - end < 0, "the queue never held " + count);
    }
  }

  @Override
  public void close() {
    channel.shutdownNow();
    server.close();
  }

  /** A request with one raw FP32 input of one column. */
  public static ModelInferRequest column(String model, String input, float... rows) {
    return ModelInferRequest.newBuilder()
        .setModelName(model)
        .addInputs(tensor(input, Datatype.FP32, rows.length, 1))
        .addRawInputContents(floats(rows))
        .build();
  }

  public static InferInputTensor tensor(String name, Datatype type, long... shape) {
    return InferInputTensor.newBuilder()
        .setName(name)
        .setDatatype(type.wireName())
        .addAllShape(Arrays.stream(shape).boxed().toList())
        .build();
  }

  public static InferInputTensor typed(
      String name, Datatype type, InferTensorContents contents, long... shape) {
    return tensor(name, type, shape).toBuilder().setContents(contents).build();
  }

  public static ByteString floats(float... values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      bytes.putFloat(value);
    }
    return ByteString.copyFrom(bytes.flip());
  }

  public static float[] floats(ModelInferResponse response, int output) {
    ByteBuffer bytes =
        response.getRawOutputContents(output).asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    float[] values = new float[bytes.remaining() / 4];
    bytes.asFloatBuffer().get(values);
    return values;
  }

  /** Asserts that a call fails so, and returns its text. */
  public static String refused(Status.Code code, String text, Executable call) {
    var e = Assertions.assertThrows(StatusRuntimeException.class, call);
    String description = String.valueOf(e.getStatus().getDescription());
    Assertions.assertEquals(code, e.getStatus().getCode(), description);
    Assertions.assertTrue(description.contains(text), () -> description + " lacks " + text);
    return description;
  }
}
