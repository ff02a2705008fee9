package dev.understudy.router.testing;

import com.google.protobuf.ByteString;
import dev.understudy.chassis.security.Tls;
import dev.understudy.proto.inference.DataType;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelConfig;
import dev.understudy.proto.inference.ModelConfigRequest;
import dev.understudy.proto.inference.ModelConfigResponse;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ModelInput;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.inference.ModelOutput;
import dev.understudy.proto.inference.ModelReadyRequest;
import dev.understudy.proto.inference.ModelReadyResponse;
import dev.understudy.proto.inference.ServerReadyRequest;
import dev.understudy.proto.inference.ServerReadyResponse;
import dev.understudy.proto.v1.ServerTiming;
import io.grpc.ForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A server of the inference protocol on loopback that does what a test tells it. It serves one
 * model with input {@code x} (FP32, batch × 3) and output {@code p} (FP32, batch × 2), in batches
 * of at most 8, and answers each row with {@code (1 - score, score)}. Any thread.
 */
public final class FakeBackend implements AutoCloseable {
  /** What happens to a request. */
  @FunctionalInterface
  public interface Behaviour {
    /** Answers, fails, or does neither. */
    void answer(ModelInferRequest request, StreamObserver<ModelInferResponse> answer);
  }

  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("fake-backend").factory());
  private final AtomicInteger calls = new AtomicInteger();
  private final AtomicInteger shadowCalls = new AtomicInteger();
  private final ConcurrentLinkedQueue<ModelInferRequest> requests = new ConcurrentLinkedQueue<>();
  private final Set<String> presented = ConcurrentHashMap.newKeySet();
  private final Set<String> traceParents = ConcurrentHashMap.newKeySet();
  private final Set<String> authorities = ConcurrentHashMap.newKeySet();
  private final AtomicInteger cancelled = new AtomicInteger();
  private final InetAddress address;
  private final @Nullable Tls tls;
  private final int port;
  private volatile Behaviour behaviour;
  private volatile boolean ready = true;
  private volatile @Nullable ServerTiming timing;
  private volatile Server server;

  private FakeBackend(Behaviour behaviour, InetAddress address, int port, @Nullable Tls tls)
      throws IOException {
    this.behaviour = behaviour;
    this.address = address;
    this.tls = tls;
    this.server = listen(port);
    this.port = server.getPort();
  }

  /** A server on a free port whose every answer has this score. */
  public static FakeBackend scoring(float score) throws IOException {
    return new FakeBackend(ok(score), InetAddress.getLoopbackAddress(), 0, null);
  }

  /** One that is reached by TLS. */
  public static FakeBackend scoring(float score, Tls tls) throws IOException {
    return new FakeBackend(ok(score), InetAddress.getLoopbackAddress(), 0, tls);
  }

  /** One at an address of this machine, as one of several that share a name and a port. */
  public static FakeBackend at(String address, int port, float score) throws IOException {
    return new FakeBackend(ok(score), InetAddress.ofLiteral(address), port, null);
  }

  /** Answers at once. */
  public static Behaviour ok(float score) {
    return (request, answer) -> {
      answer.onNext(response(request, score));
      answer.onCompleted();
    };
  }

  /** Fails at once. */
  public static Behaviour failing(Status status) {
    return (request, answer) -> answer.onError(status.asRuntimeException());
  }

  /** Accepts and never answers, like a process that has been frozen. */
  public static Behaviour hanging() {
    return (request, answer) -> {};
  }

  /** Does something else a little later. */
  public Behaviour delayed(long millis, Behaviour then) {
    return (request, answer) -> {
      var _ = timer.schedule(() -> then.answer(request, answer), millis, TimeUnit.MILLISECONDS);
    };
  }

  /** Changes what happens from now on. */
  public void behave(Behaviour next) {
    behaviour = next;
  }

  /** What goes with each answer from now on; null for nothing, as with a foreign server. */
  public void tell(@Nullable ServerTiming said) {
    timing = said;
  }

  /** {@code host:port}. */
  public String address() {
    return address.getHostAddress() + ":" + port;
  }

  /** The port. */
  public int port() {
    return port;
  }

  /** Whether {@code ServerReady} and {@code ModelReady} say yes from now on. */
  public void ready(boolean isReady) {
    ready = isReady;
  }

  /** The different {@code :authority} headers of all calls. */
  public Set<String> authorities() {
    return Set.copyOf(authorities);
  }

  /** Calls that their callers have called off. */
  public int cancelled() {
    return cancelled.get();
  }

  /** Requests received. */
  public int calls() {
    return calls.get();
  }

  /** Requests received that were marked as copies. */
  public int shadowCalls() {
    return shadowCalls.get();
  }

  /** The requests received, oldest first. */
  public List<ModelInferRequest> requests() {
    return List.copyOf(requests);
  }

  /** The different {@code authorization} headers of all calls, "null" for none. */
  public Set<String> presented() {
    return Set.copyOf(presented);
  }

  /** The different {@code traceparent} headers of all calls, "null" for none. */
  public Set<String> traceParents() {
    return Set.copyOf(traceParents);
  }

  /** Breaks all connections and refuses new ones. */
  public void kill() {
    server.shutdownNow();
    try {
      if (!server.awaitTermination(5, TimeUnit.SECONDS)) {
        throw new IllegalStateException("the fake backend did not end within 5 s");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Listens again on the same port. */
  public void revive() throws IOException {
    server = listen(port);
  }

  @Override
  public void close() {
    kill();
    timer.shutdownNow();
  }

  /** The answer to a request with this score in every row. */
  public static ModelInferResponse response(ModelInferRequest request, float score) {
    int rows = (int) request.getInputs(0).getShape(0);
    ByteBuffer data = ByteBuffer.allocate(rows * 8).order(ByteOrder.LITTLE_ENDIAN);
    for (int row = 0; row < rows; row++) {
      data.putFloat(1 - score).putFloat(score);
    }
    return ModelInferResponse.newBuilder()
        .setModelName(request.getModelName())
        .setModelVersion(request.getModelVersion())
        .setId(request.getId())
        .addOutputs(
            ModelInferResponse.InferOutputTensor.newBuilder()
                .setName("p")
                .setDatatype("FP32")
                .addShape(rows)
                .addShape(2))
        .addRawOutputContents(ByteString.copyFrom(data.flip()))
        .build();
  }

  /** A request for a model with these rows of three features each. */
  public static ModelInferRequest request(String model, float... features) {
    ByteBuffer data = ByteBuffer.allocate(features.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    for (float feature : features) {
      data.putFloat(feature);
    }
    return ModelInferRequest.newBuilder()
        .setModelName(model)
        .addInputs(
            ModelInferRequest.InferInputTensor.newBuilder()
                .setName("x")
                .setDatatype("FP32")
                .addShape(features.length / 3)
                .addShape(3))
        .addRawInputContents(ByteString.copyFrom(data.flip()))
        .build();
  }

  /** The metadata of the model under a name. */
  public static ModelMetadataResponse metadata(String model) {
    return ModelMetadataResponse.newBuilder()
        .setName(model)
        .setPlatform("fake")
        .addInputs(tensor("x", 3))
        .addOutputs(tensor("p", 2))
        .build();
  }

  private static ModelMetadataResponse.TensorMetadata tensor(String name, long width) {
    return ModelMetadataResponse.TensorMetadata.newBuilder()
        .setName(name)
        .setDatatype("FP32")
        .addShape(-1)
        .addShape(width)
        .build();
  }

  private Server listen(int at) throws IOException {
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(new InetSocketAddress(address, at))
            .directExecutor()
            .maxInboundMessageSize(64 << 20)
            .addService(ServerInterceptors.intercept(new Service(), new Marks()));
    if (tls != null) {
      builder.sslContext(tls.serverContext());
    }
    return builder.build().start();
  }

  private final class Marks implements ServerInterceptor {
    private static final Metadata.Key<byte[]> TIMING =
        Metadata.Key.of("understudy-timing-bin", Metadata.BINARY_BYTE_MARSHALLER);
    private static final Metadata.Key<String> AUTHORIZATION =
        Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
    private static final Metadata.Key<String> TRACE_PARENT =
        Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER);
    private static final Metadata.Key<String> SHADOW =
        Metadata.Key.of("x-shadow", Metadata.ASCII_STRING_MARSHALLER);

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      if ("true".equals(headers.get(SHADOW))) {
        shadowCalls.incrementAndGet();
      }
      presented.add(String.valueOf(headers.get(AUTHORIZATION)));
      if ("ModelInfer".equals(call.getMethodDescriptor().getBareMethodName())) {
        traceParents.add(String.valueOf(headers.get(TRACE_PARENT)));
      }
      authorities.add(String.valueOf(call.getAuthority()));
      return next.startCall(
          new ForwardingServerCall.SimpleForwardingServerCall<>(call) {
            @Override
            public void close(Status status, Metadata trailers) {
              ServerTiming said = timing;
              if (said != null && status.isOk()) {
                trailers.put(TIMING, said.toByteArray());
              }
              super.close(status, trailers);
            }
          },
          headers);
    }
  }

  private final class Service extends GRPCInferenceServiceGrpc.GRPCInferenceServiceImplBase {
    @Override
    public void modelInfer(ModelInferRequest request, StreamObserver<ModelInferResponse> answer) {
      calls.incrementAndGet();
      requests.add(request);
      if (answer instanceof ServerCallStreamObserver<ModelInferResponse> call) {
        call.setOnCancelHandler(cancelled::incrementAndGet);
      }
      behaviour.answer(request, answer);
    }

    @Override
    public void modelMetadata(
        ModelMetadataRequest request, StreamObserver<ModelMetadataResponse> answer) {
      answer.onNext(
          metadata(request.getName()).toBuilder().addVersions(request.getVersion()).build());
      answer.onCompleted();
    }

    @Override
    public void modelConfig(
        ModelConfigRequest request, StreamObserver<ModelConfigResponse> answer) {
      answer.onNext(
          ModelConfigResponse.newBuilder()
              .setConfig(
                  ModelConfig.newBuilder()
                      .setName(request.getName())
                      .setMaxBatchSize(8)
                      .addInput(
                          ModelInput.newBuilder()
                              .setName("x")
                              .setDataType(DataType.TYPE_FP32)
                              .addDims(3))
                      .addOutput(
                          ModelOutput.newBuilder()
                              .setName("p")
                              .setDataType(DataType.TYPE_FP32)
                              .addDims(2)))
              .build());
      answer.onCompleted();
    }

    @Override
    public void modelReady(ModelReadyRequest request, StreamObserver<ModelReadyResponse> answer) {
      if (request.getName().isEmpty()) {
        answer.onError(Status.INVALID_ARGUMENT.withDescription("no name").asRuntimeException());
        return;
      }
      answer.onNext(ModelReadyResponse.newBuilder().setReady(ready).build());
      answer.onCompleted();
    }

    @Override
    public void serverReady(
        ServerReadyRequest request, StreamObserver<ServerReadyResponse> answer) {
      answer.onNext(ServerReadyResponse.newBuilder().setReady(ready).build());
      answer.onCompleted();
    }
  }
}
