package dev.understudy.chassis.rpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.understudy.chassis.config.HostPort;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthGrpc;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class HealthBoundsTest {
  private static RpcServer server() throws Exception {
    return GrpcServers.server(
        ServerOptions.at(HostPort.loopback(0)).service(Echo.service(Echo::answer)).build());
  }

  private static HealthCheckRequest about(String name) {
    return HealthCheckRequest.newBuilder().setService(name).build();
  }

  @Test
  void namesAndMessagesAreBounded() throws Exception {
    try (RpcServer server = server()) {
      ManagedChannel channel =
          Channels.open(HostPort.loopback(server.port()), ChannelOptions.plaintext());
      try {
        HealthGrpc.HealthBlockingStub stub = HealthGrpc.newBlockingStub(channel);
        assertEquals(
            "INVALID_ARGUMENT the service's name has 257 characters (expected: at most 256)",
            told(() -> stub.check(about("x".repeat(257)))));
        assertEquals(
            "INVALID_ARGUMENT the request is too long (expected: at most 4096 bytes)",
            told(() -> stub.check(about("x".repeat(4_094)))));
        assertEquals(
            "INVALID_ARGUMENT the request is too long (expected: at most 4096 bytes)",
            told(() -> stub.withCompression("gzip").check(about("x".repeat(1_000_000)))));
        assertEquals(
            Status.Code.NOT_FOUND,
            assertThrows(StatusRuntimeException.class, () -> stub.check(about("x".repeat(256))))
                .getStatus()
                .getCode());
      } finally {
        Channels.close(channel, Duration.ofSeconds(1));
      }
    }
  }

  private static String told(Runnable call) {
    Status status = assertThrows(StatusRuntimeException.class, call::run).getStatus();
    return status.getCode() + " " + status.getDescription();
  }

  @Test
  void watchesAreCountedAndMakeRoomWhenTheyEnd() throws Exception {
    try (RpcServer server = server()) {
      ManagedChannel full =
          Channels.open(HostPort.loopback(server.port()), ChannelOptions.plaintext());
      // Another connection, because one may not have more calls at a time than that.
      ManagedChannel other =
          Channels.open(HostPort.loopback(server.port()), ChannelOptions.plaintext());
      try {
        BlockingQueue<Status> heard = new LinkedBlockingQueue<>();
        List<ClientCall<?, ?>> open = new ArrayList<>();
        for (int i = 0; i < HealthBounds.MOST_WATCHES; i++) {
          open.add(watch(i % 2 == 0 ? full : other, heard));
        }
        for (int i = 0; i < HealthBounds.MOST_WATCHES; i++) {
          assertEquals(Status.OK, heard.poll(10, TimeUnit.SECONDS));
        }
        var _ = watch(other, heard);
        Status refused = heard.poll(10, TimeUnit.SECONDS);
        assertEquals(
            "1024 watches of this server's health are open (expected: fewer)",
            refused == null ? "" : refused.getDescription());
        open.getFirst().cancel("enough", null);
        Status again;
        do {
          var _ = watch(other, heard);
          again = heard.poll(10, TimeUnit.SECONDS);
        } while (again != null && !again.isOk());
        assertEquals(Status.OK, again);
      } finally {
        Channels.close(full, Duration.ofSeconds(1));
        Channels.close(other, Duration.ofSeconds(1));
      }
    }
  }

  /** Hears OK for the first answer, or how the watch ended. */
  private static ClientCall<?, ?> watch(ManagedChannel channel, BlockingQueue<Status> heard) {
    ClientCall<HealthCheckRequest, HealthCheckResponse> call =
        channel.newCall(HealthGrpc.getWatchMethod(), CallOptions.DEFAULT);
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onMessage(HealthCheckResponse message) {
            heard.add(Status.OK);
          }

          @Override
          public void onClose(Status status, Metadata trailers) {
            if (status.getCode() != Status.Code.CANCELLED) {
              heard.add(status);
            }
          }
        },
        new Metadata());
    call.sendMessage(HealthCheckRequest.getDefaultInstance());
    call.halfClose();
    call.request(1);
    return call;
  }
}
