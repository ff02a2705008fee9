package dev.understudy.router.warmup;

import com.google.protobuf.ByteString;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.inference.ModelMetadataResponse.TensorMetadata;
import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Feature;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.ModelSignature;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.Router;
import dev.understudy.router.call.Message;
import dev.understudy.router.config.RouterConfig;
import dev.understudy.router.rpc.InferMethods;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Calls that a router which is about to start makes to one like itself, over loopback, through
 * every layer, to a backend that answers at once. They load classes and let the compiler see what
 * is hot before the first caller comes: cold, a call costs ten to a hundred times as much, and the
 * first seconds of a new router would be the slowest of the whole fleet.
 *
 * <p>Nothing of it is counted, recorded or seen by anybody; a warm-up that fails is logged and
 * forgotten.
 */
public final class WarmUp {
  private static final Logger log = Logger.getLogger(WarmUp.class.getName());
  private static final String MODEL = "warm-up";
  private static final int FEATURES = 64;
  private static final int AT_ONCE = 16;

  private WarmUp() {}

  /**
   * Warms up for this long.
   *
   * @param length zero or less: not at all
   * @return how many calls were answered
   */
  public static int run(Duration length) {
    if (length.isZero() || length.isNegative()) {
      return 0;
    }
    try (Echo echo = Echo.start(response());
        Router router = Router.start(config(echo.address()))) {
      router.offer(table(echo.address()));
      int port = router.ports().getOrDefault("grpc", 0);
      ManagedChannel channel =
          NettyChannelBuilder.forAddress("127.0.0.1", port).usePlaintext().directExecutor().build();
      try {
        return calls(channel, length);
      } finally {
        channel.shutdownNow();
      }
    } catch (IOException | RuntimeException e) {
      log.log(Level.WARNING, "The router starts cold: its warm-up failed", e);
      return 0;
    }
  }

  private static int calls(ManagedChannel channel, Duration length) {
    Caller caller = new Caller(channel, System.nanoTime() + length.toNanos());
    for (int i = 0; i < AT_ONCE; i++) {
      caller.call();
    }
    try {
      if (!caller.running.await(length.toMillis() + 5_000, TimeUnit.MILLISECONDS)) {
        log.warning("A call of the warm-up was not answered");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return caller.answered.get();
  }

  private static final class Caller {
    private final ManagedChannel channel;
    private final long untilNanos;
    private final Message request = Message.of(request());
    private final AtomicInteger answered = new AtomicInteger();
    private final CountDownLatch running = new CountDownLatch(AT_ONCE);

    Caller(ManagedChannel channel, long untilNanos) {
      this.channel = channel;
      this.untilNanos = untilNanos;
    }

    void call() {
      ClientCall<Message, byte[]> call =
          channel.newCall(InferMethods.clientUnary(), CallOptions.DEFAULT);
      call.start(
          new ClientCall.Listener<>() {
            @Override
            public void onClose(Status status, Metadata trailers) {
              if (status.isOk()) {
                answered.incrementAndGet();
              }
              if (System.nanoTime() - untilNanos < 0 && status.isOk()) {
                call();
              } else {
                running.countDown();
              }
            }
          },
          new Metadata());
      call.request(2);
      call.sendMessage(request);
      call.halfClose();
    }
  }

  private static RouterConfig config(String backend) {
    return RouterConfig.parse(
        "warm-up",
        """
        name: warm-up
        listen: 127.0.0.1:0
        admin: 127.0.0.1:0
        eventLoops: 1
        drain: 10ms
        lameDuck: 0ms
        limits: {requestsPerSecond: 1000000, burst: 1000000}
        models:
          %s:
            champion: {version: 1, endpoints: ["%s"]}
        """
            .formatted(MODEL, backend));
  }

  private static RoutingTable table(String backend) {
    ModelMetadataResponse.Builder metadata =
        ModelMetadataResponse.newBuilder()
            .setName(MODEL)
            .addInputs(tensor("input", FEATURES))
            .addOutputs(tensor("output", 2));
    DataContract.Builder contract =
        DataContract.newBuilder().setName(MODEL).setFeatureInput("input");
    for (int i = 0; i < FEATURES; i++) {
      contract.addFeatures(Feature.newBuilder().setName("f" + i).setMin(-1).setMax(2));
    }
    return RoutingTable.newBuilder()
        .setRevision(2)
        .addModels(
            ModelRoute.newBuilder()
                .setModel(MODEL)
                .setSalt(MODEL)
                .setRolloutId(MODEL)
                .setDecisionRevision(1)
                .setContract(contract)
                .setSignature(ModelSignature.newBuilder().setMetadata(metadata).setMaxBatchSize(64))
                .addArms(arm("champion", Role.CHAMPION, "1", backend))
                .addArms(arm("canary", Role.CANARY, "2", backend))
                .setCanaryWeightBp(2_000))
        .build();
  }

  private static Arm arm(String name, Role role, String version, String backend) {
    return Arm.newBuilder()
        .setName(name)
        .setRole(role)
        .setVersion(version)
        .addEndpoints(backend)
        .build();
  }

  private static TensorMetadata tensor(String name, int width) {
    return TensorMetadata.newBuilder()
        .setName(name)
        .setDatatype("FP32")
        .addShape(-1)
        .addShape(width)
        .build();
  }

  private static byte[] request() {
    return ModelInferRequest.newBuilder()
        .setModelName(MODEL)
        .addInputs(
            ModelInferRequest.InferInputTensor.newBuilder()
                .setName("input")
                .setDatatype("FP32")
                .addShape(1)
                .addShape(FEATURES))
        .addRawInputContents(ByteString.copyFrom(new byte[4 * FEATURES]))
        .build()
        .toByteArray();
  }

  private static byte[] response() {
    return ModelInferResponse.newBuilder()
        .setModelName(MODEL)
        .setModelVersion("1")
        .addOutputs(
            ModelInferResponse.InferOutputTensor.newBuilder()
                .setName("output")
                .setDatatype("FP32")
                .addShape(1)
                .addShape(2))
        .addRawOutputContents(ByteString.copyFrom(new byte[8]))
        .build()
        .toByteArray();
  }
}
