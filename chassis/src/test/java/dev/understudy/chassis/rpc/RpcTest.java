package dev.understudy.chassis.rpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.error.Fault;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.stub.ClientCalls;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RpcTest {
  private static ServerOptions.Builder echo() {
    return ServerOptions.at(HostPort.loopback(0)).service(Echo.service(Echo::answer));
  }

  private static String call(ManagedChannel channel, String text) {
    return ClientCalls.blockingUnaryCall(channel, Echo.UNARY, CallOptions.DEFAULT, text);
  }

  private static ManagedChannel open(RpcServer server, ChannelOptions options) {
    return Channels.open(HostPort.loopback(server.port()), options);
  }

  @Test
  void aServerAnswersAndReportsItsHealth() throws Exception {
    try (var loops = EventLoops.nio("test", 1);
        RpcServer server = GrpcServers.server(echo().eventLoops(loops).reflection(true).build())) {
      ManagedChannel channel =
          open(server, ChannelOptions.plaintext().withEventLoops(loops).withDirectExecutor(true));
      try {
        assertEquals("echo hello", call(channel, "hello"));
        assertEquals(
            ServingStatus.SERVING,
            HealthGrpc.newBlockingStub(channel)
                .check(HealthCheckRequest.getDefaultInstance())
                .getStatus());
      } finally {
        Channels.close(channel, Duration.ofSeconds(1));
      }
    }
  }

  @Test
  void whatHandlersThrowLeavesWithItsDetails() throws Exception {
    try (RpcServer server = GrpcServers.server(echo().build())) {
      ManagedChannel channel = open(server, ChannelOptions.plaintext());
      try {
        for (String how : new String[] {"throw fault", "observe fault"}) {
          Fault fault =
              Fault.from(assertThrows(StatusRuntimeException.class, () -> call(channel, how)));
          assertEquals(Status.Code.NOT_FOUND, fault.code(), how);
          assertEquals("NO_MODEL", fault.reason(), how);
        }
        Fault fault =
            Fault.from(
                assertThrows(StatusRuntimeException.class, () -> call(channel, "throw secret")));
        assertEquals(Status.Code.INTERNAL, fault.code());
        assertFalse(String.valueOf(fault.getMessage()).contains("hunter2"));
      } finally {
        Channels.close(channel, Duration.ofSeconds(1));
      }
    }
  }

  @Test
  void oversizedMessagesAreRefused() throws Exception {
    try (RpcServer server = GrpcServers.server(echo().maxMessageBytes(1000).build())) {
      ManagedChannel channel = open(server, ChannelOptions.plaintext());
      try {
        var thrown =
            assertThrows(StatusRuntimeException.class, () -> call(channel, "x".repeat(1001)));
        assertEquals(Status.Code.RESOURCE_EXHAUSTED, thrown.getStatus().getCode());
      } finally {
        Channels.close(channel, Duration.ofSeconds(1));
      }
    }
  }

  @Test
  void drainingLetsCallsFinishAndCancelsThoseThatDoNot() throws Exception {
    var entered = new CountDownLatch(1);
    var release = new CountDownLatch(1);
    try (RpcServer server =
            GrpcServers.server(
                ServerOptions.at(HostPort.loopback(0))
                    .service(
                        Echo.service(text -> {
                          entered.countDown();
                          release.await();
                          return text;
                        }))
                    .build());
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      ManagedChannel channel = open(server, ChannelOptions.plaintext());
      Future<String> answer = threads.submit(() -> call(channel, "slow"));
      entered.await();
      Future<Boolean> drained = threads.submit(() -> server.drain(Duration.ofSeconds(30)));
      release.countDown();
      assertEquals("slow", answer.get());
      assertTrue(drained.get());
      Channels.close(channel, Duration.ofSeconds(1));
    }
    var never = new CountDownLatch(1);
    var stuck = new CountDownLatch(1);
    try (RpcServer server =
            GrpcServers.server(
                ServerOptions.at(HostPort.loopback(0))
                    .service(
                        Echo.service(text -> {
                          stuck.countDown();
                          never.await();
                          return text;
                        }))
                    .build());
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      ManagedChannel channel = open(server, ChannelOptions.plaintext());
      Future<Status> status =
          threads.submit(() ->
              assertThrows(StatusRuntimeException.class, () -> call(channel, "x")).getStatus());
      stuck.await();
      assertFalse(server.drain(Duration.ofMillis(50)));
      assertEquals(Status.Code.CANCELLED, status.get().getCode());
      never.countDown();
      Channels.close(channel, Duration.ofSeconds(1));
    }
  }

  @Test
  void closingAfterDrainingSaysNothing() throws Exception {
    List<String> said = new CopyOnWriteArrayList<>();
    var listener =
        new Handler() {
          @Override
          public void publish(LogRecord entry) {
            said.add(entry.getLoggerName() + ": " + entry.getMessage());
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    Logger grpc = Logger.getLogger("io.grpc");
    Level before = grpc.getLevel();
    grpc.addHandler(listener);
    grpc.setLevel(Level.ALL);
    try {
      RpcServer server = GrpcServers.server(echo().build());
      assertTrue(server.drain(Duration.ofSeconds(10)));
      server.close();
      server.close();
    } finally {
      grpc.removeHandler(listener);
      grpc.setLevel(before);
    }
    assertEquals(
        List.of(), said.stream().filter(line -> line.contains("terminating")).toList(), "the log");
  }

  @Test
  void aPortInUseIsNamed() throws Exception {
    try (RpcServer server = GrpcServers.server(echo().build())) {
      HostPort taken = HostPort.loopback(server.port());
      var thrown =
          assertThrows(
              IOException.class, () -> GrpcServers.server(ServerOptions.at(taken).build()));
      assertTrue(String.valueOf(thrown.getMessage()).startsWith(taken + ": cannot listen"));
    }
  }

  @Test
  void waitsGrowToTheirBoundAndAreSpread() {
    var backoff = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(1));
    var random = new java.util.Random(1);
    for (int failures = 0; failures < 100; failures++) {
      long full = Math.min(1000, 100L << Math.min(failures, 10));
      long millis = backoff.delay(failures, random).toMillis();
      assertTrue(millis >= full / 2 - 1 && millis <= full, failures + ": " + millis);
    }
    assertThrows(
        IllegalArgumentException.class, () -> new Backoff(Duration.ZERO, Duration.ofSeconds(1)));
  }
}
