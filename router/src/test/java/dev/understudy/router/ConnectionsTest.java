package dev.understudy.router;

import static dev.understudy.chassis.connection.ConnectionRefusal.BAD_PREFACE;
import static dev.understudy.chassis.connection.ConnectionRefusal.CALL_RATE;
import static dev.understudy.chassis.connection.ConnectionRefusal.CONTINUATION_FLOOD;
import static dev.understudy.chassis.connection.ConnectionRefusal.EMPTY_DATA_FLOOD;
import static dev.understudy.chassis.connection.ConnectionRefusal.HANDSHAKE_TIMEOUT;
import static dev.understudy.chassis.connection.ConnectionRefusal.IDLE_STREAM;
import static dev.understudy.chassis.connection.ConnectionRefusal.PING_FLOOD;
import static dev.understudy.chassis.connection.ConnectionRefusal.PRIORITY_FLOOD;
import static dev.understudy.chassis.connection.ConnectionRefusal.PROTOCOL_ERROR;
import static dev.understudy.chassis.connection.ConnectionRefusal.RAPID_RESET;
import static dev.understudy.chassis.connection.ConnectionRefusal.SETTINGS_FLOOD;
import static dev.understudy.chassis.connection.ConnectionRefusal.SILENT_PEER;
import static dev.understudy.chassis.connection.ConnectionRefusal.SLOW_READER;
import static dev.understudy.chassis.connection.ConnectionRefusal.SLOW_WRITER;
import static dev.understudy.chassis.connection.ConnectionRefusal.TOO_MANY_CONNECTIONS;
import static dev.understudy.chassis.connection.ConnectionRefusal.TOO_MANY_FROM_ADDRESS;
import static dev.understudy.chassis.connection.ConnectionRefusal.UNFINISHED_BYTES;
import static dev.understudy.chassis.connection.ConnectionRefusal.UNKNOWN_FRAME_FLOOD;
import static dev.understudy.chassis.connection.ConnectionRefusal.WINDOW_UPDATE_FLOOD;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.connection.ConnectionRefusal;
import dev.understudy.router.testing.FakeBackend;
import dev.understudy.router.testing.wire.WireClient;
import dev.understudy.router.testing.wire.WireEvent;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Clients that break the rules, over raw sockets against a whole router: each is ended and counted,
 * and another client's calls go on meanwhile.
 */
class ConnectionsTest {
  private static final long CALM_NANOS = TimeUnit.SECONDS.toNanos(2);
  private static final int ENHANCE_YOUR_CALM = 0xb;
  private static final String INFER = "/inference.GRPCInferenceService/ModelInfer";
  private static final String STREAM = "/inference.GRPCInferenceService/ModelStreamInfer";

  private final AtomicBoolean over = new AtomicBoolean();
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

  @AfterEach
  void endThreads() {
    over.set(true);
    threads.shutdown();
  }

  private static Rig rig(String connections, String... more) throws IOException {
    Rig rig = Rig.watching("connections: {" + connections + "}\n" + String.join("\n", more) + "\n");
    rig.offer(1, rig.route(0, 0));
    rig.infer();
    return rig;
  }

  private static int port(Rig rig) {
    return rig.router.ports().getOrDefault("grpc", 0);
  }

  /** What an abuser does, while another client calls and must not notice. */
  private void whileOthersAreCalm(Rig rig, Callable<?> abuse) throws Exception {
    Future<Long> calm =
        threads.submit(() -> {
          long longest = 0;
          do {
            long begin = System.nanoTime();
            assertEquals("1", rig.infer().getModelVersion());
            longest = Math.max(longest, System.nanoTime() - begin);
          } while (!over.get());
          return longest;
        });
    try {
      abuse.call();
    } finally {
      over.set(true);
    }
    long longest = calm.get(20, TimeUnit.SECONDS);
    assertTrue(longest < CALM_NANOS, "another client's longest call, ns: " + longest);
  }

  /** Sends until the server has had enough; it may close the socket meanwhile. */
  private static void flood(WireClient client, byte[] piece, int times) throws IOException {
    try {
      for (int i = 0; i < times; i++) {
        client.send(piece);
      }
    } catch (SocketException closedByServer) {
      assertTrue(closedByServer.getMessage() != null);
    }
  }

  private static void awaitRefusal(Rig rig, ConnectionRefusal refusal) {
    Rig.eventually(
        "one is counted as " + refusal.label(),
        () -> rig.router.connections().refused(refusal) > 0);
  }

  private static void awaitEveryoneGone(Rig rig) {
    Rig.eventually("the others' connections remain", () -> rig.router.connections().open() == 1);
    assertEquals(0, rig.router.connections().unfinishedBytes());
  }

  private static byte[] request() {
    return WireClient.message(Rig.request().toByteArray());
  }

  private static byte[] repeated(int times, byte[] piece) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (int i = 0; i < times; i++) {
      all.writeBytes(piece);
    }
    return all.toByteArray();
  }

  @TestFactory
  Stream<DynamicTest> floodsAreEndedWithGoAwayAndCounted() {
    byte[] eight = new byte[8];
    return Stream.of(
            new Flood(PING_FLOOD, WireClient.bytes(WireClient.PING, 0, 0, eight)),
            new Flood(SETTINGS_FLOOD, WireClient.bytes(WireClient.SETTINGS, 0, 0)),
            new Flood(SETTINGS_FLOOD, WireClient.bytes(WireClient.SETTINGS, WireClient.ACK, 0)),
            new Flood(
                PRIORITY_FLOOD,
                WireClient.bytes(WireClient.PRIORITY, 0, 7, new byte[] {0, 0, 0, 0, 1})),
            new Flood(
                WINDOW_UPDATE_FLOOD,
                WireClient.bytes(WireClient.WINDOW_UPDATE, 0, 0, WireClient.number(1))),
            new Flood(UNKNOWN_FRAME_FLOOD, WireClient.bytes(0x20, 0, 0, eight)))
        .map(flood -> DynamicTest.dynamicTest(flood.reason.label(), () -> ended(flood)));
  }

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Flood(ConnectionRefusal reason, byte[] piece) {}

  private void ended(Flood flood) throws Exception {
    over.set(false);
    try (Rig rig = rig("controlFrames: 200, handshakeTimeout: 2s");
        WireClient client = WireClient.connect(port(rig)).impolite()) {
      whileOthersAreCalm(
          rig,
          () -> {
            flood(client, repeated(300, flood.piece), 2);
            // Its own enforcement of pings may come first; it says the same.
            assertEquals(ENHANCE_YOUR_CALM, client.goAway().code());
            client.closed();
            return null;
          });
      awaitRefusal(rig, flood.reason);
      awaitEveryoneGone(rig);
    }
  }

  @Test
  void emptyDataFramesAreAFlood() throws Exception {
    try (Rig rig = rig("controlFrames: 200");
        WireClient client = WireClient.connect(port(rig))) {
      whileOthersAreCalm(
          rig,
          () -> {
            int stream = client.open(WireClient.call(INFER), false);
            flood(client, repeated(300, WireClient.bytes(WireClient.DATA, 0, stream)), 1);
            assertEquals(ENHANCE_YOUR_CALM, client.goAway().code());
            return client.closed();
          });
      awaitRefusal(rig, EMPTY_DATA_FLOOD);
      awaitEveryoneGone(rig);
    }
  }

  @Test
  void callsThatAreResetAtOnceSlowTheConnection() throws Exception {
    try (Rig rig = rig("resets: 100");
        WireClient client = WireClient.connect(port(rig)).impolite()) {
      whileOthersAreCalm(
          rig,
          () -> {
            ByteArrayOutputStream pairs = new ByteArrayOutputStream();
            for (int i = 0; i < 400; i++) {
              int stream = client.newStream();
              pairs.writeBytes(
                  WireClient.bytes(
                      WireClient.HEADERS,
                      WireClient.END_HEADERS,
                      stream,
                      client.block(WireClient.call(INFER))));
              pairs.writeBytes(
                  WireClient.bytes(WireClient.RST_STREAM, 0, stream, WireClient.number(8)));
            }
            flood(client, pairs.toByteArray(), 1);
            awaitRefusal(rig, CALL_RATE);
            return null;
          });
      int stream = client.open(WireClient.call(INFER), false);
      client.data(stream, request(), true);
      assertEquals("0", String.valueOf(client.trailers(stream).headers().get("grpc-status")));
      assertEquals(0, rig.router.connections().refused(RAPID_RESET));
      client.halfClose();
      awaitEveryoneGone(rig);
    }
  }

  @Test
  void aMessageBeginsItsCallHoweverLongTheClientKeepsItsSideOpen() throws Exception {
    try (Rig rig = rig("calls: 10");
        WireClient client = WireClient.connect(port(rig))) {
      int before = rig.champion.calls();
      int stream = client.open(WireClient.call(INFER), false);
      client.data(stream, request(), false);
      Rig.eventually("the backend is asked", () -> rig.champion.calls() == before + 1);
      assertEquals("0", String.valueOf(client.trailers(stream).headers().get("grpc-status")));
      client.data(stream, new byte[0], true);
      int next = client.open(WireClient.call(INFER), false);
      client.data(next, request(), true);
      assertEquals("0", String.valueOf(client.trailers(next).headers().get("grpc-status")));
    }
  }

  @Test
  void aSecondMessageEndsTheCallThatTheFirstBegan() throws Exception {
    try (Rig rig = rig("calls: 10");
        WireClient client = WireClient.connect(port(rig))) {
      rig.champion.behave(FakeBackend.hanging());
      int before = rig.champion.calls();
      int stream = client.open(WireClient.call(INFER), false);
      client.data(stream, request(), false);
      Rig.eventually("the backend is asked", () -> rig.champion.calls() == before + 1);
      client.data(stream, request(), false);
      Http2Headers trailers = client.trailers(stream).headers();
      assertEquals("13", String.valueOf(trailers.get("grpc-status")));
      assertEquals(
          "expected exactly one request message", String.valueOf(trailers.get("grpc-message")));
      Rig.eventually("the backend's call is cancelled", () -> rig.champion.cancelled() == 1);
    }
  }

  @Test
  void headerBlocksInVeryManyPiecesEndTheConnection() throws Exception {
    try (Rig rig = rig("calls: 10");
        WireClient client = WireClient.connect(port(rig))) {
      whileOthersAreCalm(
          rig,
          () -> {
            ByteArrayOutputStream pieces = new ByteArrayOutputStream();
            byte[] block = client.block(WireClient.call(INFER));
            pieces.writeBytes(WireClient.bytes(WireClient.HEADERS, 0, 1, block));
            pieces.writeBytes(
                repeated(1000, WireClient.bytes(WireClient.CONTINUATION, 0, 1, new byte[] {})));
            flood(client, pieces.toByteArray(), 1);
            assertEquals("continuation_flood", client.goAway().word());
            return client.closed();
          });
      assertEquals(1, rig.router.connections().refused(CONTINUATION_FLOOD));
      awaitEveryoneGone(rig);
    }
  }

  @Test
  void headersOverTheLimitFailTheirCallAlone() throws Exception {
    try (Rig rig = rig("headerBytes: 8KiB");
        WireClient client = WireClient.connect(port(rig))) {
      Http2Headers large = WireClient.call(INFER).set("x-large", "x".repeat(9_000));
      int stream = client.open(large, false);
      assertEquals("431", String.valueOf(client.trailers(stream).headers().status()));
      int next = client.open(WireClient.call(INFER), false);
      client.data(next, request(), true);
      assertEquals("0", String.valueOf(client.trailers(next).headers().get("grpc-status")));
    }
  }

  @Test
  void headersFarOverTheLimitEndTheConnection() throws Exception {
    try (Rig rig = rig("headerBytes: 8KiB");
        WireClient client = WireClient.connect(port(rig))) {
      whileOthersAreCalm(
          rig,
          () -> {
            Http2Headers large = WireClient.call(INFER).set("x-large", "x".repeat(100_000));
            client.open(large, false);
            client.goAway();
            return client.closed();
          });
      awaitRefusal(rig, PROTOCOL_ERROR);
      awaitEveryoneGone(rig);
    }
  }

  @Test
  void aFrameOverTheSizeEndsTheConnection() throws Exception {
    try (Rig rig = rig("calls: 10");
        WireClient client = WireClient.connect(port(rig))) {
      whileOthersAreCalm(
          rig,
          () -> {
            int stream = client.open(WireClient.call(INFER), false);
            client.frame(WireClient.DATA, 0, stream, new byte[20_000]);
            assertEquals(6, client.goAway().code(), "FRAME_SIZE_ERROR");
            return client.closed();
          });
      awaitRefusal(rig, PROTOCOL_ERROR);
      awaitEveryoneGone(rig);
    }
  }

  @Test
  void moreThanTheWindowEndsTheConnection() throws Exception {
    try (Rig rig = rig("calls: 10", "limits: {messageBytes: 32MiB}");
        WireClient client = WireClient.connect(port(rig))) {
      whileOthersAreCalm(
          rig,
          () -> {
            client.window(0, Integer.MAX_VALUE);
            assertEquals(3, client.goAway().code(), "FLOW_CONTROL_ERROR");
            return client.closed();
          });
      awaitRefusal(rig, PROTOCOL_ERROR);
      awaitEveryoneGone(rig);
    }
  }

  @Test
  void anotherProtocolIsTurnedAway() throws Exception {
    try (Rig rig = rig("handshakeTimeout: 2s");
        WireClient client = WireClient.raw(port(rig))) {
      client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      client.closed();
      awaitRefusal(rig, BAD_PREFACE);
      awaitEveryoneGone(rig);
    }
  }

  @Test
  void whoDoesNotGreetInTimeIsTurnedAway() throws Exception {
    try (Rig rig = rig("handshakeTimeout: 300ms")) {
      whileOthersAreCalm(
          rig,
          () -> {
            List<WireClient> slow = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
              WireClient client = WireClient.raw(port(rig));
              // None, half a preface, or a preface without settings.
              client.send(Arrays.copyOf(WireClient.PREFACE, 12 * (i % 3)));
              slow.add(client);
            }
            for (WireClient client : slow) {
              client.closed();
              client.close();
            }
            return null;
          });
      assertEquals(20, rig.router.connections().refused(HANDSHAKE_TIMEOUT));
      awaitEveryoneGone(rig);
    }
  }

  @Test
  void connectionsAreBoundedInAllAndByAddress() throws Exception {
    for (boolean inAll : new boolean[] {true, false}) {
      over.set(false);
      try (Rig rig = rig(inAll ? "total: 4" : "perAddress: 4")) {
        whileOthersAreCalm(
            rig,
            () -> {
              List<WireClient> taken = new ArrayList<>();
              for (int i = 0; i < 3; i++) {
                WireClient client = WireClient.connect(port(rig));
                client.await(WireEvent.Settings.class, WireEvent.Settings::ack);
                taken.add(client);
              }
              try (WireClient tooMany = WireClient.raw(port(rig))) {
                tooMany.closed();
              }
              taken.getFirst().close();
              Rig.eventually("one has left", () -> rig.router.connections().open() == 3);
              try (WireClient again = WireClient.connect(port(rig))) {
                again.await(WireEvent.Settings.class, WireEvent.Settings::ack);
              }
              taken.forEach(WireClient::close);
              return null;
            });
        assertEquals(
            1,
            rig.router.connections().refused(inAll ? TOO_MANY_CONNECTIONS : TOO_MANY_FROM_ADDRESS));
        awaitEveryoneGone(rig);
      }
    }
  }

  @Test
  void anAnswerThatIsNotTakenGivesItsPlaceBack() throws Exception {
    try (Rig rig = rig("answerTimeout: 300ms", "limits: {concurrentCalls: 5}");
        WireClient client = WireClient.raw(port(rig))) {
      // Setting 4: no window for answers.
      client.greet(4, 0).impolite();
      whileOthersAreCalm(
          rig,
          () -> {
            List<Integer> streams = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
              int stream = client.open(WireClient.call(INFER), false);
              client.data(stream, request(), true);
              streams.add(stream);
            }
            for (int stream : streams) {
              assertEquals(ENHANCE_YOUR_CALM, client.resetOf(stream).code());
            }
            return null;
          });
      assertEquals(4, rig.router.connections().refused(SLOW_READER));
      // All five places are free again: five calls at a time, none refused.
      rig.champion.behave(rig.champion.delayed(200, FakeBackend.ok(0.25f)));
      List<Future<?>> calls = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        calls.add(threads.submit(rig::infer));
      }
      for (Future<?> call : calls) {
        call.get(10, TimeUnit.SECONDS);
      }
    }
  }

  @Test
  void aReaderOfOneByteAtATimeIsASlowReader() throws Exception {
    try (Rig rig = rig("answerTimeout: 300ms");
        WireClient client = WireClient.raw(port(rig))) {
      client.greet(4, 0).impolite();
      int stream = client.open(WireClient.call(INFER), false);
      client.data(stream, request(), true);
      Future<?> drip =
          threads.submit(() -> {
            while (!over.get()) {
              client.window(stream, 1);
              java.util.concurrent.locks.LockSupport.parkNanos(20_000_000);
            }
            return null;
          });
      assertEquals(ENHANCE_YOUR_CALM, client.resetOf(stream).code());
      over.set(true);
      drip.get(5, TimeUnit.SECONDS);
      assertEquals(1, rig.router.connections().refused(SLOW_READER));
    }
  }

  @Test
  void aRequestThatDripsIsEndedAndOthersOfTheConnectionAreNot() throws Exception {
    try (Rig rig = rig("requestTimeout: 300ms");
        WireClient client = WireClient.connect(port(rig))) {
      whileOthersAreCalm(
          rig,
          () -> {
            byte[] request = request();
            int slow = client.open(WireClient.call(INFER), false);
            client.data(slow, Arrays.copyOf(request, 7), false);
            int good = client.open(WireClient.call(INFER), false);
            client.data(good, request, true);
            assertEquals("0", String.valueOf(client.trailers(good).headers().get("grpc-status")));
            assertEquals(ENHANCE_YOUR_CALM, client.resetOf(slow).code());
            int later = client.open(WireClient.call(INFER), false);
            client.data(later, request, true);
            return client.trailers(later);
          });
      assertEquals(1, rig.router.connections().refused(SLOW_WRITER));
      assertEquals(0, rig.router.connections().unfinishedBytes());
    }
  }

  @Test
  void aClientThatStaysInsideAFrameLosesTheConnection() throws Exception {
    try (Rig rig = rig("requestTimeout: 300ms");
        WireClient client = WireClient.connect(port(rig))) {
      int stream = client.open(WireClient.call(INFER), false);
      byte[] frame = WireClient.bytes(WireClient.DATA, 0, stream, request());
      client.send(Arrays.copyOf(frame, 12));
      assertEquals("slow_writer", client.goAway().word());
      client.closed();
      awaitEveryoneGone(rig);
    }
  }

  @Test
  void aStreamOnWhichNothingHappensIsEnded() throws Exception {
    try (Rig rig = rig("streamIdle: 300ms");
        WireClient client = WireClient.connect(port(rig))) {
      int idle = client.open(WireClient.call(STREAM), false);
      int busy = client.open(WireClient.call(STREAM), false);
      for (int i = 0; i < 20; i++) {
        client.data(busy, request(), false);
        java.util.concurrent.locks.LockSupport.parkNanos(50_000_000);
      }
      assertEquals(ENHANCE_YOUR_CALM, client.resetOf(idle).code());
      client.data(busy, request(), true);
      assertEquals("0", String.valueOf(client.trailers(busy).headers().get("grpc-status")));
      assertEquals(1, rig.router.connections().refused(IDLE_STREAM));
    }
  }

  @Test
  void messagesWithoutEndAreBoundedInMemory() throws Exception {
    try (Rig rig = rig("unfinishedBytes: 4MiB");
        WireClient client = WireClient.connect(port(rig))) {
      whileOthersAreCalm(
          rig,
          () -> {
            byte[] part = Arrays.copyOf(WireClient.message(new byte[1 << 20]), 60_000);
            try {
              for (int i = 0; i < 200; i++) {
                client.data(client.open(WireClient.call(INFER), false), part, false);
              }
            } catch (SocketException closedByServer) {
              assertTrue(closedByServer.getMessage() != null);
            }
            assertEquals("unfinished_bytes", client.goAway().word());
            return client.closed();
          });
      assertEquals(1, rig.router.connections().refused(UNFINISHED_BYTES));
      awaitEveryoneGone(rig);
    }
  }

  /** Ten seconds are the least that gRPC waits before it asks. */
  @Test
  void aPeerThatDoesNotAnswerIsGivenUp() throws Exception {
    try (Rig rig = rig("keepAlive: 10s, keepAliveTimeout: 100ms");
        WireClient client = WireClient.connect(port(rig))) {
      client.await(WireEvent.Settings.class, WireEvent.Settings::ack);
      client.impolite();
      client.closed();
      awaitRefusal(rig, SILENT_PEER);
      awaitEveryoneGone(rig);
    }
  }

  @Test
  void aConnectionThatCallsTooOftenIsSlowedDown() throws Exception {
    try (Rig rig = rig("callsPerSecond: 20");
        WireClient client = WireClient.connect(port(rig))) {
      long begin = System.nanoTime();
      List<Integer> streams = new ArrayList<>();
      for (int i = 0; i < 60; i++) {
        int stream = client.open(WireClient.call(INFER), false);
        client.data(stream, request(), true);
        streams.add(stream);
        // So that they come in several reads.
        java.util.concurrent.locks.LockSupport.parkNanos(2_000_000);
      }
      for (int stream : streams) {
        assertEquals("0", String.valueOf(client.trailers(stream).headers().get("grpc-status")));
      }
      long seconds = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
      assertTrue(seconds > 800, "ms: " + seconds);
      assertTrue(rig.router.connections().refused(CALL_RATE) > 0);
    }
  }

  @Test
  void connectionsEndWithAgeAndTheirCallsDoNot() throws Exception {
    try (Rig rig = rig("age: 200ms, ageGrace: 5s");
        WireClient client = WireClient.connect(port(rig))) {
      whileOthersAreCalm(
          rig,
          () -> {
            int stream = client.open(WireClient.call(INFER), false);
            client.data(stream, Arrays.copyOf(request(), 9), false);
            assertEquals(0, client.goAway().code(), "NO_ERROR");
            byte[] request = request();
            client.data(stream, Arrays.copyOfRange(request, 9, request.length), true);
            assertEquals("0", String.valueOf(client.trailers(stream).headers().get("grpc-status")));
            return client.closed();
          });
      for (ConnectionRefusal refusal : ConnectionRefusal.values()) {
        assertEquals(0, rig.router.connections().refused(refusal), refusal.label());
      }
    }
  }

  @Test
  void behindTlsTheSameHolds(@TempDir Path folder) throws Exception {
    String tls = selfSigned(folder);
    try (Rig rig =
        Rig.watching("connections: {controlFrames: 200, handshakeTimeout: 5s}\n" + tls)) {
      rig.offer(1, rig.route(0, 0));
      try (WireClient stalls = WireClient.raw(port(rig))) {
        // The head of a ClientHello, and no more.
        stalls.send(new byte[] {22, 3, 1, 2, 0, 1, 0});
        try (WireClient client = WireClient.over(encrypted(port(rig))).greet()) {
          int stream = client.open(WireClient.call(INFER), false);
          client.data(stream, request(), true);
          assertEquals("0", String.valueOf(client.trailers(stream).headers().get("grpc-status")));
          flood(client, repeated(300, WireClient.bytes(WireClient.SETTINGS, 0, 0)), 1);
          assertEquals("settings_flood", client.goAway().word());
          client.closed();
        }
        stalls.closed();
      }
      assertEquals(1, rig.router.connections().refused(HANDSHAKE_TIMEOUT));
      assertEquals(1, rig.router.connections().refused(SETTINGS_FLOOD));
    }
  }

  private static Socket encrypted(int port) throws Exception {
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, InsecureTrustManagerFactory.INSTANCE.getTrustManagers(), null);
    SSLSocket socket =
        (SSLSocket) context.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), port);
    SSLParameters parameters = socket.getSSLParameters();
    parameters.setApplicationProtocols(new String[] {"h2"});
    socket.setSSLParameters(parameters);
    socket.startHandshake();
    return socket;
  }

  private static String selfSigned(Path folder) throws Exception {
    Path store = folder.resolve("s.p12");
    String keytool = Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
    String arguments =
        "-genkeypair -alias a -keyalg EC -dname CN=r -ext san=dns:localhost -validity 2"
            + " -storetype PKCS12 -storepass changeit -keystore "
            + store;
    List<String> command = new ArrayList<>(List.of(keytool));
    command.addAll(List.of(arguments.split(" ", -1)));
    assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor());
    char[] password = "changeit".toCharArray();
    KeyStore keys = KeyStore.getInstance(store.toFile(), password);
    Path certificate = pem(folder, "CERTIFICATE", keys.getCertificate("a").getEncoded());
    Path key = pem(folder, "PRIVATE KEY", keys.getKey("a", password).getEncoded());
    return "tls: {certificate: " + certificate + ", key: " + key + "}\n";
  }

  private static Path pem(Path folder, String kind, byte[] der) throws IOException {
    return Files.writeString(
        folder.resolve(kind.replace(' ', '-')),
        "-----BEGIN %s-----%n%s%n-----END %s-----%n"
            .formatted(kind, Base64.getMimeEncoder().encodeToString(der), kind));
  }

  @Test
  void idleConnectionsAreAskedToEnd() throws Exception {
    try (Rig rig = rig("idle: 300ms");
        WireClient client = WireClient.connect(port(rig))) {
      assertEquals(0, client.goAway().code(), "NO_ERROR");
      client.closed();
    }
  }

  @Test
  void aDrainWithCallsUnderWayFailsNone() throws Exception {
    try (Rig rig = rig("calls: 100")) {
      rig.champion.behave(rig.champion.delayed(300, FakeBackend.ok(0.25f)));
      List<Future<Integer>> clients = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        clients.add(
            threads.submit(() -> {
              int answered = 0;
              while (!over.get()) {
                rig.infer();
                answered++;
              }
              return answered;
            }));
      }
      Rig.eventually("calls are under way", () -> rig.champion.calls() > 16);
      // Clients look at readiness before they call, and finish what they began.
      over.set(true);
      rig.router.close();
      for (Future<Integer> client : clients) {
        assertTrue(client.get(10, TimeUnit.SECONDS) > 0);
      }
      StatusRuntimeException refused = Rig.failure(rig::infer);
      assertEquals(Status.Code.UNAVAILABLE, refused.getStatus().getCode());
    }
  }
}
