package dev.understudy.loadtest.bench;

import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.ModelSignature;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.Router;
import dev.understudy.router.call.Message;
import dev.understudy.router.config.RouterConfig;
import dev.understudy.router.rpc.InferMethods;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Whether what shadows do shows in what callers see. Segments of calls at a constant rate (timed
 * from when each was due) run in turn without a mirror, once more without one, and with some calls
 * copied to a shadow that is honest, frozen, dead, or answers garbage, hugely, or many times over.
 * For each the median over the rounds of the segment's p50 and p99, and the median of the
 * differences to the first segment of the same round, with a 95 % bound by the bootstrap. The
 * second segment without a mirror shows the noise; the honest shadow what copying itself costs.
 *
 * <p>{@code MirrorIsolation [rounds] [calls per second] [calls per segment] [copied, in 1/10000]}.
 * Router, backends and callers share this process and its cores: differences are upper bounds.
 */
public final class MirrorIsolation {
  private static final String MODEL = "fraud";

  /** Held, because levels of loggers that nobody holds are forgotten. */
  private static final Logger LIARS = Logger.getLogger("io.grpc.netty.NettyServerHandler");

  private MirrorIsolation() {}

  /** Runs it and prints a table. */
  public static void main(String[] args) throws Exception {
    // The liars' servers say at length that their answers were not wanted.
    LIARS.setLevel(Level.OFF);
    int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 11;
    int perSecond = args.length > 1 ? Integer.parseInt(args[1]) : 300;
    int calls = args.length > 2 ? Integer.parseInt(args[2]) : 600;
    int copiedBp = args.length > 3 ? Integer.parseInt(args[3]) : 1000;
    byte[] garbage = new byte[256 << 10];
    new Random(7).nextBytes(garbage);
    FakeBackend dead = FakeBackend.scoring(0.5f);
    dead.kill();
    try (FakeBackend champion = FakeBackend.scoring(0.25f);
        FakeBackend honest = FakeBackend.scoring(0.5f);
        FakeBackend frozen = FakeBackend.scoring(0.5f);
        Router router =
            Router.start(
                RouterConfig.parse(
                    "bench",
                    """
                    controller: 127.0.0.1:1
                    listen: 127.0.0.1:0
                    admin: 127.0.0.1:0
                    lameDuck: 0s
                    drain: 1s
                    mirror: {timeout: 500ms, answerBytes: 2MiB}
                    """))) {
      frozen.behave(FakeBackend.hanging());
      Server random = liar(garbage, 1);
      Server huge = liar(new byte[3 << 20], 1);
      Server many = liar(Arrays.copyOf(garbage, 10_000), 5);
      Map<String, String> shadows = new LinkedHashMap<>();
      shadows.put("no mirror", "");
      shadows.put("no mirror, again", "");
      shadows.put("honest", honest.address());
      shadows.put("frozen", frozen.address());
      shadows.put("dead", dead.address());
      shadows.put("256 KiB of garbage", address(random));
      shadows.put("3 MiB, over the limit", address(huge));
      shadows.put("five answers", address(many));
      ManagedChannel channel =
          NettyChannelBuilder.forAddress("127.0.0.1", router.ports().getOrDefault("grpc", 0))
              .usePlaintext()
              .disableRetry()
              .build();
      try {
        measure(router, channel, champion, shadows, copiedBp, rounds, perSecond, calls);
      } finally {
        channel.shutdownNow();
        random.shutdownNow();
        huge.shutdownNow();
        many.shutdownNow();
      }
    }
  }

  private static void measure(
      Router router,
      ManagedChannel channel,
      FakeBackend champion,
      Map<String, String> shadows,
      int copiedBp,
      int rounds,
      int perSecond,
      int calls)
      throws InterruptedException {
    List<String> names = new ArrayList<>(shadows.keySet());
    double[][] p50 = new double[names.size()][rounds];
    double[][] p99 = new double[names.size()][rounds];
    long revision = 0;
    for (int round = -2; round < rounds; round++) {
      for (int i = 0; i < names.size(); i++) {
        String refusal =
            router.offer(
                table(++revision, champion, copiedBp, shadows.getOrDefault(names.get(i), "")));
        if (!refusal.isEmpty()) {
          throw new IllegalStateException("the table was refused: " + refusal);
        }
        double[] micros = segment(channel, perSecond, calls);
        if (round >= 0) {
          p50[i][round] = micros[micros.length / 2];
          p99[i][round] = micros[(int) Math.ceil(micros.length * 0.99) - 1];
        }
      }
    }
    System.out.println("shadow | p50 µs | p99 µs | difference of p99, median [95 %], µs");
    for (int i = 0; i < names.size(); i++) {
      double[] difference = new double[rounds];
      for (int round = 0; round < rounds; round++) {
        difference[round] = p99[i][round] - p99[0][round];
      }
      double[] bound = bootstrap(difference);
      System.out.printf(
          Locale.ROOT,
          "%s | %.0f | %.0f | %+.0f [%+.0f, %+.0f]%n",
          names.get(i),
          median(p50[i]),
          median(p99[i]),
          median(difference),
          bound[0],
          bound[1]);
    }
  }

  /** Microseconds of each call from when it was due, ascending. */
  private static double[] segment(ManagedChannel channel, int perSecond, int calls)
      throws InterruptedException {
    GRPCInferenceServiceGrpc.GRPCInferenceServiceStub stub =
        GRPCInferenceServiceGrpc.newStub(channel);
    ModelInferRequest request = FakeBackend.request(MODEL, 1, 2, 3);
    double[] micros = new double[calls];
    CountDownLatch left = new CountDownLatch(calls);
    long start = System.nanoTime();
    for (int i = 0; i < calls; i++) {
      int call = i;
      long due = start + i * 1_000_000_000L / perSecond;
      long wait;
      while ((wait = due - System.nanoTime()) > 0) {
        LockSupport.parkNanos(wait);
      }
      stub.modelInfer(
          request,
          new StreamObserver<>() {
            @Override
            public void onNext(ModelInferResponse response) {
              micros[call] = (System.nanoTime() - due) / 1e3;
            }

            @Override
            public void onError(Throwable failure) {
              micros[call] = Double.POSITIVE_INFINITY;
              left.countDown();
            }

            @Override
            public void onCompleted() {
              left.countDown();
            }
          });
    }
    if (!left.await(30, TimeUnit.SECONDS)) {
      throw new IllegalStateException("calls without an answer: " + left.getCount());
    }
    Arrays.sort(micros);
    return micros;
  }

  private static RoutingTable table(
      long revision, FakeBackend champion, int copiedBp, String shadow) {
    ModelRoute.Builder route =
        ModelRoute.newBuilder()
            .setModel(MODEL)
            .setSignature(
                ModelSignature.newBuilder()
                    .setMetadata(FakeBackend.metadata(MODEL))
                    .setMaxBatchSize(8))
            .addArms(arm("champion", Role.CHAMPION, champion.address()));
    if (!shadow.isEmpty()) {
      route.addArms(arm("shadow", Role.SHADOW, shadow));
      route.getMirrorBuilder().setFractionBp(copiedBp).addArms("shadow");
    }
    return RoutingTable.newBuilder().setEpoch(1).setRevision(revision).addModels(route).build();
  }

  private static Arm arm(String name, Role role, String address) {
    return Arm.newBuilder()
        .setName(name)
        .setRole(role)
        .setVersion("1")
        .addEndpoints(address)
        .build();
  }

  private static Server liar(byte[] answer, int times) throws IOException {
    return NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
        .directExecutor()
        .addService(
            ServerServiceDefinition.builder(InferMethods.SERVICE)
                .addMethod(
                    InferMethods.serverUnary(),
                    (call, headers) -> {
                      call.request(1);
                      return lie(call, answer, times);
                    })
                .build())
        .build()
        .start();
  }

  private static ServerCall.Listener<byte[]> lie(
      ServerCall<byte[], Message> call, byte[] answer, int times) {
    return new ServerCall.Listener<>() {
      @Override
      public void onHalfClose() {
        call.sendHeaders(new Metadata());
        for (int i = 0; i < times; i++) {
          call.sendMessage(Message.of(answer));
        }
        call.close(Status.OK, new Metadata());
      }
    };
  }

  private static String address(Server server) {
    return "127.0.0.1:" + server.getPort();
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }

  private static double[] bootstrap(double[] values) {
    Random random = new Random(1);
    double[] medians = new double[2000];
    double[] drawn = new double[values.length];
    for (int i = 0; i < medians.length; i++) {
      for (int k = 0; k < drawn.length; k++) {
        drawn[k] = values[random.nextInt(values.length)];
      }
      medians[i] = median(drawn);
    }
    Arrays.sort(medians);
    return new double[] {medians[49], medians[1949]};
  }
}
