package dev.understudy.chassis.rpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import java.io.IOException;
import java.time.Duration;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ResilientStreamTest {
  private final BlockingQueue<String> events = new LinkedBlockingQueue<>();
  private final AtomicReference<StreamSender<String>> sender = new AtomicReference<>();
  private final Scheduler scheduler = Scheduler.daemon("test");

  @AfterEach
  void stop() {
    scheduler.close();
  }

  private final class Recorder implements StreamHandler<String, String> {
    private final boolean once;

    Recorder(boolean once) {
      this.once = once;
    }

    @Override
    public void onConnected(StreamSender<String> connected) {
      sender.set(connected);
      if (once) {
        connected.send("hello");
        connected.complete();
      }
      events.add("connected");
    }

    @Override
    public void onMessage(String message) {
      if (message.equals("echo fail")) {
        throw new IllegalStateException("expected by the test");
      }
      events.add(message);
    }

    @Override
    public void onLost(String why) {
      int end = why.indexOf(':');
      events.add("lost " + (end < 0 ? why : why.substring(0, end)));
    }
  }

  private static RpcServer serve(int port) throws IOException {
    return GrpcServers.server(
        ServerOptions.at(HostPort.loopback(port)).service(Echo.service(Echo::answer)).build());
  }

  private ResilientStream<String, String> stream(
      ManagedChannel channel, MethodDescriptor<String, String> method, boolean once) {
    return new ResilientStream<>(
        channel,
        method,
        new Backoff(Duration.ofMillis(20), Duration.ofMillis(100)),
        scheduler,
        TimeSource.system(),
        new Random(1),
        new Recorder(once));
  }

  private String next() throws InterruptedException {
    return String.valueOf(events.poll(20, TimeUnit.SECONDS));
  }

  /** Skips attempts that failed. */
  private String nextBut(String skipped) throws InterruptedException {
    String event = next();
    while (event.equals(skipped)) {
      event = next();
    }
    return event;
  }

  @Test
  void aStreamComesBackWhenItsServerDoes() throws Exception {
    RpcServer server = serve(0);
    int port = server.port();
    ManagedChannel channel = Channels.open(HostPort.loopback(port), ChannelOptions.plaintext());
    try (var stream = stream(channel, Echo.CHAT, false)) {
      stream.start();
      assertEquals("connected", next());
      assertTrue(send("a"));
      assertEquals("echo a", next());
      assertTrue(stream.isConnected());

      StreamSender<String> old = sender.get();
      server.close();
      assertLost();
      assertFalse(old.send("into the void"));
      assertFalse(old.isReady());

      try (RpcServer again = serve(port)) {
        assertEquals(port, again.port());
        assertEquals("connected", nextBut("lost UNAVAILABLE"));
        assertTrue(send("b"));
        assertEquals("echo b", next());
      }
    } finally {
      Channels.close(channel, Duration.ofSeconds(1));
    }
  }

  @Test
  void aWatchIsAskedForAgain() throws Exception {
    RpcServer server = serve(0);
    int port = server.port();
    ManagedChannel channel = Channels.open(HostPort.loopback(port), ChannelOptions.plaintext());
    try (var stream = stream(channel, Echo.WATCH, true)) {
      stream.start();
      assertEquals("connected", next());
      assertEquals("echo hello", next());
      assertEquals("echo hello again", next());
      server.close();
      assertLost();
      try (RpcServer again = serve(port)) {
        assertNotNull(again);
        String event = next();
        while (!event.equals("echo hello")) {
          event = next();
        }
        assertEquals("echo hello again", next());
      }
    } finally {
      Channels.close(channel, Duration.ofSeconds(1));
    }
  }

  @Test
  void anEndByThePeerOrAFailingHandlerLeadsToANewConnection() throws Exception {
    try (RpcServer server = serve(0)) {
      ManagedChannel channel =
          Channels.open(HostPort.loopback(server.port()), ChannelOptions.plaintext());
      try (var stream = stream(channel, Echo.CHAT, false)) {
        stream.start();
        assertEquals("connected", next());
        sender.get().complete();
        assertFalse(send("after the end"));
        assertEquals("lost OK", next());
        assertEquals("connected", next());
        assertTrue(send("fail"));
        assertEquals("lost CANCELLED", next());
        assertEquals("connected", next());
      } finally {
        Channels.close(channel, Duration.ofSeconds(1));
      }
    }
  }

  @Test
  void aClosedStreamSaysNothingMore() throws Exception {
    try (RpcServer server = serve(0)) {
      ManagedChannel channel =
          Channels.open(HostPort.loopback(server.port()), ChannelOptions.plaintext());
      var stream = stream(channel, Echo.CHAT, false);
      stream.start();
      assertEquals("connected", next());
      stream.close();
      stream.close();
      Channels.close(channel, Duration.ofSeconds(5));
      assertFalse(stream.isConnected());
      assertNull(events.poll());
    }
  }

  /** A server that is shut down cancels its streams, or its connection is gone first. */
  private void assertLost() throws InterruptedException {
    String event = next();
    assertTrue(Set.of("lost CANCELLED", "lost UNAVAILABLE").contains(event), event);
  }

  private boolean send(String text) {
    return sender.get().send(text);
  }
}
