package dev.understudy.router.upstream;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.PassThrough;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.table.Tables;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class HealthChecksTest {
  private static boolean well(ManagedChannel channel, ArmPlan arm) throws Exception {
    CompletableFuture<Boolean> well = new CompletableFuture<>();
    HealthChecks.ask(
        channel,
        arm,
        new UpstreamSettings.Health(
            UpstreamSettings.Check.MODEL, Duration.ofSeconds(1), Duration.ofSeconds(10), 1, 1, 0),
        well::complete);
    return well.get(15, TimeUnit.SECONDS);
  }

  @Test
  void whereNoModelIsKnownTheServerIsAsked() throws Exception {
    try (FakeBackend backend = FakeBackend.scoring(0.5f)) {
      RoutingTable table =
          RoutingTable.newBuilder()
              .setPassThrough(PassThrough.newBuilder().addEndpoints(backend.address()))
              .build();
      ModelPlan plan = Objects.requireNonNull(Tables.compile(table, false, Set.of("")).get(""));
      ManagedChannel channel =
          NettyChannelBuilder.forTarget(backend.address()).usePlaintext().build();
      try {
        assertTrue(well(channel, plan.champion()));
        backend.ready(false);
        assertFalse(well(channel, plan.champion()));
      } finally {
        channel.shutdownNow();
      }
    }
  }
}
