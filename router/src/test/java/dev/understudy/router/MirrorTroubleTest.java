package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Role;
import dev.understudy.router.call.Message;
import dev.understudy.router.rpc.InferMethods;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Shadows that are frozen, dead or lie cost what they were allowed, and callers nothing. */
class MirrorTroubleTest {
  private static final int BODY = 64 << 10;

  /** A shadow that answers with bytes of its own making. */
  private static final class Liar implements AutoCloseable {
    private final Server server;

    Liar(byte[] answer, int times) throws IOException {
      server =
          NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
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

    Arm arm(String name) {
      return Arm.newBuilder()
          .setName(name)
          .setRole(Role.SHADOW)
          .setVersion("9")
          .addEndpoints(new HostPort("127.0.0.1", server.getPort()).toString())
          .build();
    }

    @Override
    public void close() {
      server.shutdownNow();
    }
  }

  private static UnaryOperator<ModelRoute.Builder> to(Arm... shadows) {
    return route -> {
      route.clearMirror().getMirrorBuilder().setFractionBp(10_000);
      for (Arm shadow : shadows) {
        route.addArms(shadow);
        route.getMirrorBuilder().addArms(shadow.getName());
      }
      return route;
    };
  }

  @Test
  void garbageHugeAndEndlessAnswersAreBadCopiesAndNothingElse() throws Exception {
    byte[] garbage = new byte[5000];
    new Random(7).nextBytes(garbage);
    byte[] huge = new byte[300_000];
    try (Rig rig = Rig.watching("mirror: {answerBytes: 200KiB}\n");
        Liar random = new Liar(garbage, 1);
        Liar vast = new Liar(huge, 1);
        Liar endless = new Liar(garbage, 5);
        Liar mute = new Liar(garbage, 0)) {
      rig.offer(
          1,
          0,
          0,
          to(random.arm("random"), vast.arm("vast"), endless.arm("endless"), mute.arm("mute")));
      assertEquals(Map.of("version 1", 50), rig.inferMany(50, request -> request));
      Rig.eventually("each is bad", () -> rig.pairs().getOnlyCopyBad() == 200);
      assertEquals(0, rig.pairs().getBothOk());
      assertEquals(0, rig.receivers.comparisons().size());
    }
  }

  @Test
  void aFrozenShadowHoldsNoMoreThanItsBudgetAndEverythingIsCounted() throws Exception {
    try (Rig rig =
        Rig.watching("metrics: 127.0.0.1:0\nmirror: {bytes: 256KiB, timeout: 1s, copies: 100}\n")) {
      rig.offer(1, 0, 10_000, route -> route);
      rig.shadow.behave(FakeBackend.hanging());
      ModelInferRequest large = padded(Rig.request());
      for (int i = 0; i < 40; i++) {
        assertEquals("1", rig.stub().modelInfer(large).getModelVersion());
        assertTrue(metric(rig, "router_copies_bytes") <= 256 << 10);
      }
      assertTrue(metric(rig, "router_copies_bytes_refused_total") >= 36);
      assertEquals(0, metric(rig, "router_copies_dropped_total"));
      Rig.eventually(
          "each is a discordant pair or a drop",
          () -> rig.pairs().getOnlyCopyBad() + rig.pairs().getDropped() == 40);
      Rig.eventually("all is given back", () -> metric(rig, "router_copies_bytes") == 0);
      Rig.eventually("all is given back", () -> metric(rig, "router_copies_in_flight") == 0);
    }
  }

  @Test
  void anAnswerThatFindsNoRoomIsLetGoAndThePairIsStillCounted() throws Exception {
    int room = Rig.request().getSerializedSize() + 200;
    try (Rig rig = Rig.watching("metrics: 127.0.0.1:0\nmirror: {bytes: " + room + "B}\n")) {
      rig.offer(1, 0, 10_000, route -> route);
      rig.champion.behave((request, answer) -> {
        answer.onNext(
            FakeBackend.response(request, 0.25f).toBuilder().setId("i".repeat(1000)).build());
        answer.onCompleted();
      });
      rig.shadow.behave(rig.shadow.delayed(150, FakeBackend.ok(0.5f)));
      rig.infer();
      Rig.eventually("the pair is counted", () -> rig.pairs().getBothOk() == 1);
      assertEquals(1, metric(rig, "router_copies_uncompared_total"));
      assertEquals(0, rig.receivers.comparisons().size());
      Rig.eventually("all is given back", () -> metric(rig, "router_copies_bytes") == 0);
    }
  }

  @Test
  void aRateCapLeavesCallsAloneForAllShadowsAndIsNoDrop() throws Exception {
    try (Rig rig = Rig.watching("metrics: 127.0.0.1:0\n")) {
      rig.offer(
          1,
          0,
          10_000,
          route -> {
            route.addArms(Rig.arm("same", Role.MIRRORED_CONTROL, "1", rig.canary));
            route.getMirrorBuilder().setMostPerSecond(0.001).addArms("same");
            return route;
          });
      assertEquals(Map.of("version 1", 30), rig.inferMany(30, request -> request));
      Rig.eventually("one call makes two pairs", () -> rig.pairs().getBothOk() == 2);
      assertEquals(29, metric(rig, "router_copies_capped_total"));
      assertEquals(0, metric(rig, "router_copies_dropped_total"));
      assertEquals(0, rig.pairs().getDropped());
      assertEquals(1, rig.shadow.shadowCalls());
      assertEquals(1, rig.canary.shadowCalls());
    }
  }

  /** Not a measurement: what a shadow does must not show at all in what most callers see. */
  @Test
  void theTypicalCallIsAsFastBesideABadShadowAsBesideAGoodOne() throws Exception {
    byte[] garbage = new byte[100_000];
    new Random(7).nextBytes(garbage);
    try (Rig rig = Rig.watching("");
        Liar liar = new Liar(garbage, 3)) {
      ModelRoute good = rig.route(0, 10_000);
      ModelRoute frozen =
          to(Rig.arm("frozen", Role.SHADOW, "4", rig.canary))
              .apply(rig.route(0, 0).toBuilder().removeArms(1))
              .build();
      ModelRoute lying = to(liar.arm("liar")).apply(rig.route(0, 0).toBuilder()).build();
      rig.canary.behave(FakeBackend.hanging());
      long[] best = new long[3];
      Arrays.fill(best, Long.MAX_VALUE);
      long revision = 0;
      for (int round = 0; round < 2; round++) {
        int which = 0;
        for (ModelRoute route : new ModelRoute[] {good, frozen, lying}) {
          rig.offer(++revision, route);
          best[which] = Math.min(best[which], medianNanos(rig));
          which++;
        }
      }
      for (int which = 1; which < 3; which++) {
        assertTrue(best[which] < 3 * best[0] + 1_000_000, Arrays.toString(best));
      }
    }
  }

  private static long medianNanos(Rig rig) {
    long[] nanos = new long[60];
    for (int i = 0; i < nanos.length; i++) {
      long from = System.nanoTime();
      rig.infer();
      nanos[i] = System.nanoTime() - from;
    }
    Arrays.sort(nanos);
    return nanos[nanos.length / 2];
  }

  private static ModelInferRequest padded(ModelInferRequest request) {
    return request.toBuilder().setId("p".repeat(BODY)).build();
  }

  private static long metric(Rig rig, String name) {
    return Metrics.read(rig.router.ports().getOrDefault("metrics", 0), name);
  }
}
