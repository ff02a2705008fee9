package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.testing.ManualScheduler;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.proto.v1.ControlLoss;
import dev.understudy.proto.v1.LeaseRenewal;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RouterAdminGrpc;
import dev.understudy.proto.v1.RouterState;
import dev.understudy.proto.v1.RoutingServiceGrpc;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.proto.v1.RoutingUpdate;
import dev.understudy.proto.v1.SetChampionOnlyRequest;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ControlTest {
  private static final Map<String, Integer> CHAMPION = Map.of("version 1", 20);
  private static final Map<String, Integer> CANARY = Map.of("version 2", 20);

  @TempDir Path folder;

  private static RoutingTable table(Rig rig, long epoch, long revision, ControlLoss loss) {
    return RoutingTable.newBuilder()
        .setEpoch(epoch)
        .setRevision(revision)
        .setLeaseMs(60_000)
        .addModels(rig.route(10_000, 0).toBuilder().setOnControlLoss(loss))
        .build();
  }

  @Test
  void sharesFallToTheChampionWhenTheLeaseRunsOutUnlessTheyHold() throws Exception {
    ManualTime time = new ManualTime();
    try (Rig rig = Rig.watching(time, ManualScheduler.on(time), "")) {
      rig.offer(table(rig, 1, 1, ControlLoss.CHAMPION_ONLY));
      assertEquals(CANARY, rig.inferMany(20, request -> request));
      time.advance(Duration.ofMillis(59_999));
      assertEquals(CANARY, rig.inferMany(20, request -> request));
      assertFalse(rig.router.state().getLeaseExpired());
      time.advance(Duration.ofMillis(1));
      assertEquals(CHAMPION, rig.inferMany(20, request -> request));
      assertTrue(rig.router.state().getLeaseExpired());
      // The very same table, said again, renews.
      rig.offer(table(rig, 1, 1, ControlLoss.CHAMPION_ONLY));
      assertEquals(CANARY, rig.inferMany(20, request -> request));
      rig.offer(table(rig, 1, 2, ControlLoss.HOLD));
      time.advance(Duration.ofMinutes(10));
      assertEquals(CANARY, rig.inferMany(20, request -> request));
    }
  }

  @Test
  void olderEpochsAndRevisionsThatDoNotRiseAreRefused() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(table(rig, 5, 7, ControlLoss.CHAMPION_ONLY));
      assertEquals(
          "epoch 4 (expected: >= 5)", rig.router.offer(table(rig, 4, 99, ControlLoss.HOLD)));
      assertEquals(
          "revision 7 (expected: > 7 in epoch 5)",
          rig.router.offer(table(rig, 5, 7, ControlLoss.HOLD)));
      assertEquals(
          "revision 6 (expected: > 7 in epoch 5)",
          rig.router.offer(table(rig, 5, 6, ControlLoss.HOLD)));
      assertEquals("revision 6 (expected: > 7 in epoch 5)", rig.router.state().getRefusal());
      assertEquals(7, rig.router.state().getAppliedRevision());
      assertEquals("", rig.router.offer(table(rig, 6, 1, ControlLoss.HOLD)));
      assertEquals("", rig.router.state().getRefusal());
      assertEquals(6, rig.router.state().getAppliedEpoch());
    }
  }

  @Test
  void aTableIsTakenWholeOrNotAtAll() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, rig.route(10_000, 0));
      RoutingTable broken =
          RoutingTable.newBuilder()
              .setEpoch(1)
              .setRevision(2)
              .addModels(rig.route(0, 0))
              .addModels(rig.route(0, 0).toBuilder().setModel("other").clearArms())
              .build();
      assertEquals("model 'other' has no champion", rig.router.offer(broken));
      assertEquals(CANARY, rig.inferMany(20, request -> request));
    }
  }

  @Test
  void aTableFromDiskIsChampionOnlyUntilItIsConfirmed() throws Exception {
    String state = "state: " + folder + "\n";
    RoutingTable kept;
    try (Rig rig = Rig.watching(state)) {
      kept = table(rig, 3, 4, ControlLoss.HOLD);
      // The next rig has other ports; the arms keep these, which are dead by then.
      rig.offer(kept);
      assertEquals(CANARY, rig.inferMany(20, request -> request));
    }
    try (Rig rig = Rig.watching(state)) {
      assertEquals(4, rig.router.state().getAppliedRevision());
      assertTrue(rig.router.state().getLeaseExpired());
      assertEquals(
          "epoch 2 (expected: >= 3)", rig.router.offer(table(rig, 2, 9, ControlLoss.HOLD)));
      assertEquals(Map.of("UNAVAILABLE", 1), rig.inferMany(1, request -> request));
      assertEquals("", rig.router.offer(kept));
      assertFalse(rig.router.state().getLeaseExpired());
      rig.offer(table(rig, 3, 5, ControlLoss.HOLD));
      assertEquals(CANARY, rig.inferMany(20, request -> request));
    }
  }

  @Test
  void theGlassHoldsTheChampionAndSurvivesARestart() throws Exception {
    String state = "state: " + folder + "\n";
    try (Rig rig = Rig.watching(state)) {
      rig.offer(table(rig, 1, 1, ControlLoss.HOLD));
      RouterState said = glass(rig, true);
      assertEquals(List.of("fraud"), said.getChampionOnlyList());
      assertEquals(CHAMPION, rig.inferMany(20, request -> request));
    }
    try (Rig rig = Rig.watching(state)) {
      rig.offer(table(rig, 1, 2, ControlLoss.HOLD));
      assertEquals(CHAMPION, rig.inferMany(20, request -> request));
      assertEquals(List.of(), glass(rig, false).getChampionOnlyList());
      assertEquals(CANARY, rig.inferMany(20, request -> request));
    }
  }

  @Test
  void underTheGlassOrAfterTheLeaseNothingIsCopiedUnlessSharesHold() throws Exception {
    ManualTime time = new ManualTime();
    try (Rig rig = Rig.watching(time, ManualScheduler.on(time), "")) {
      rig.offer(mirrored(rig, 1, ControlLoss.CHAMPION_ONLY));
      var _ = glass(rig, true);
      assertEquals(CHAMPION, rig.inferMany(20, request -> request));
      var _ = glass(rig, false);
      time.advance(Duration.ofMinutes(1));
      assertEquals(CHAMPION, rig.inferMany(20, request -> request));
      rig.offer(mirrored(rig, 2, ControlLoss.HOLD));
      time.advance(Duration.ofMinutes(1));
      assertEquals(CHAMPION, rig.inferMany(20, request -> request));
      Rig.eventually("copies come", () -> rig.shadow.calls() >= 20);
      // Calls to one backend arrive in their order: copies of the calls before would be here.
      assertEquals(20, rig.shadow.calls());
    }
  }

  private static RoutingTable mirrored(Rig rig, long revision, ControlLoss loss) {
    return RoutingTable.newBuilder()
        .setEpoch(1)
        .setRevision(revision)
        .setLeaseMs(60_000)
        .addModels(rig.route(0, 10_000).toBuilder().setOnControlLoss(loss))
        .build();
  }

  @Test
  void nothingIsCopiedUnderATableFromDiskUntilItIsConfirmed() throws Exception {
    String state = "state: " + folder + "\n";
    // Backends that outlive the router, so that the table on disk still leads to them.
    try (FakeBackend champion = FakeBackend.scoring(0.25f);
        FakeBackend shadow = FakeBackend.scoring(0.5f)) {
      RoutingTable kept;
      try (Rig rig = Rig.watching(state)) {
        ModelRoute.Builder route = rig.route(0, 10_000).toBuilder();
        kept =
            RoutingTable.newBuilder()
                .setEpoch(1)
                .setRevision(1)
                .addModels(
                    route
                        .clearArms()
                        .addArms(Rig.arm("champion", Role.CHAMPION, "1", champion))
                        .addArms(Rig.arm("shadow", Role.SHADOW, "3", shadow)))
                .build();
        rig.offer(kept);
      }
      try (Rig rig = Rig.watching(state)) {
        assertEquals(1, rig.router.state().getAppliedRevision());
        assertEquals(CHAMPION, rig.inferMany(20, request -> request));
        rig.offer(kept);
        assertEquals(CHAMPION, rig.inferMany(20, request -> request));
        Rig.eventually("copies come", () -> shadow.calls() >= 20);
        assertEquals(20, shadow.calls());
      }
    }
  }

  private static RouterState glass(Rig rig, boolean championOnly) {
    ManagedChannel admin =
        NettyChannelBuilder.forAddress("127.0.0.1", rig.router.ports().getOrDefault("admin", 0))
            .usePlaintext()
            .build();
    try {
      return RouterAdminGrpc.newBlockingStub(admin)
          .setChampionOnly(
              SetChampionOnlyRequest.newBuilder()
                  .setModel("fraud")
                  .setChampionOnly(championOnly)
                  .build())
          .getState();
    } finally {
      admin.shutdownNow();
    }
  }

  @Test
  void aControllerIsFollowedAndToldWhatIsInForce() throws Exception {
    List<RouterState> said = new CopyOnWriteArrayList<>();
    List<StreamObserver<RoutingUpdate>> routers = new CopyOnWriteArrayList<>();
    Server controller =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .permitKeepAliveTime(1, java.util.concurrent.TimeUnit.SECONDS)
            .addService(
                new RoutingServiceGrpc.RoutingServiceImplBase() {
                  @Override
                  public StreamObserver<RouterState> sync(StreamObserver<RoutingUpdate> router) {
                    routers.add(router);
                    return new StreamObserver<>() {
                      @Override
                      public void onNext(RouterState state) {
                        said.add(state);
                      }

                      @Override
                      public void onError(Throwable failure) {}

                      @Override
                      public void onCompleted() {}
                    };
                  }
                })
            .build()
            .start();
    try (Rig rig = Rig.fixed("controller: 127.0.0.1:" + controller.getPort() + "\n")) {
      Rig.eventually("the router has come", () -> !said.isEmpty());
      StreamObserver<RoutingUpdate> router = routers.getFirst();
      router.onNext(
          RoutingUpdate.newBuilder().setTable(table(rig, 1, 1, ControlLoss.CHAMPION_ONLY)).build());
      Rig.eventually("it is applied", () -> said.getLast().getAppliedRevision() == 1);
      assertTrue(said.getLast().getAppliedUnixMs() > 0);
      assertEquals(CANARY, rig.inferMany(20, request -> request));
      router.onNext(
          RoutingUpdate.newBuilder()
              .setRenewal(LeaseRenewal.newBuilder().setEpoch(1).setRevision(1).setLeaseMs(60_000))
              .build());
      router.onNext(
          RoutingUpdate.newBuilder().setTable(table(rig, 0, 2, ControlLoss.HOLD)).build());
      Rig.eventually(
          "the refusal is told",
          () -> said.getLast().getRefusal().equals("epoch 0 (expected: >= 1)"));
    } finally {
      controller.shutdownNow();
    }
  }
}
