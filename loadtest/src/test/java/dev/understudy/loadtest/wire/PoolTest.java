package dev.understudy.loadtest.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.security.Tls;
import dev.understudy.loadtest.OpenLoop;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against real gRPC servers on the loopback interface. */
class PoolTest {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
  private static final Metadata.Key<String> TIMEOUT =
      Metadata.Key.of("grpc-timeout", Metadata.ASCII_STRING_MARSHALLER);

  private final Wire wire = Wire.open(false);
  private final List<String> ends = new ArrayList<>();
  private final List<Metadata> headers = Collections.synchronizedList(new ArrayList<>());
  private @Nullable Server server;
  private @Nullable Pool pool;

  private int serve(
      int port,
      UnaryOperator<NettyServerBuilder> with,
      BiConsumer<byte[], StreamObserver<byte[]>> answer)
      throws Exception {
    ServerInterceptor listening =
        new ServerInterceptor() {
          @Override
          public <Q, A> ServerCall.Listener<Q> interceptCall(
              ServerCall<Q, A> call, Metadata received, ServerCallHandler<Q, A> next) {
            headers.add(received);
            return next.startCall(call, received);
          }
        };
    Server started =
        with.apply(
                NettyServerBuilder.forAddress(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), port)))
            .addService(
                ServerInterceptors.intercept(
                    ServerServiceDefinition.builder("inference.GRPCInferenceService")
                        .addMethod(
                            OpenLoop.MODEL_INFER,
                            ServerCalls.asyncUnaryCall(
                                (byte[] request, StreamObserver<byte[]> observer) ->
                                    answer.accept(request, observer)))
                        .build(),
                    listening))
            .build()
            .start();
    server = started;
    return started.getPort();
  }

  private static void echo(byte[] request, StreamObserver<byte[]> observer) {
    observer.onNext(request);
    observer.onCompleted();
  }

  private Pool open(
      int port, @Nullable Tls tls, int connections, Duration timeout, String... token) {
    Pool opened =
        new Pool(
            wire,
            new Target(
                new HostPort("localhost", port),
                tls,
                connections,
                timeout,
                token.length == 0 ? List.of("") : List.of(token)));
    pool = opened;
    opened.onEnded((exchange, code, detail, nanos) ->
        ends.add(code + " " + exchange.responseBytes() + " " + detail));
    return opened;
  }

  private static void await(Pool pool) {
    long start = System.nanoTime();
    while (pool.outstanding() > 0 && System.nanoTime() - start < 20_000_000_000L) {
      pool.turn(20_000_000);
    }
    assertEquals(0, pool.outstanding());
  }

  private static void call(Pool pool, byte[] message, int principal) {
    pool.start(new Exchange().of(message, principal, 0, System.nanoTime()));
  }

  @AfterEach
  void stop() {
    if (pool != null) {
      pool.close();
    }
    wire.close();
    if (server != null) {
      server.shutdownNow();
    }
  }

  @Test
  void answersOfAnySizeArriveThroughTheServersWindows() throws Exception {
    int port = serve(0, b -> b.maxInboundMessageSize(8 << 20), PoolTest::echo);
    Pool opened = open(port, null, 2, Duration.ofSeconds(20));
    assertTrue(opened.awaitOpen(5_000_000_000L), opened.reason());
    List<String> expected = new ArrayList<>();
    for (int size : new int[] {0, 1, 16_379, 16_380, 70_000, 3_000_000}) {
      for (int i = 0; i < 3; i++) {
        call(opened, new byte[size], 0);
        expected.add("OK " + (size + 5) + " ");
      }
    }
    await(opened);
    Collections.sort(ends);
    Collections.sort(expected);
    assertEquals(expected, ends);
  }

  @Test
  void theJdksSelectorServesAsWell() throws Exception {
    int port = serve(0, b -> b, PoolTest::echo);
    Wire selector = Wire.onSelector();
    Pool opened =
        new Pool(
            selector,
            new Target(
                new HostPort("localhost", port), null, 1, Duration.ofSeconds(5), List.of("")));
    opened.onEnded((exchange, code, detail, nanos) -> ends.add(code + detail));
    assertTrue(opened.awaitOpen(5_000_000_000L));
    call(opened, new byte[9], 0);
    await(opened);
    opened.close();
    selector.close();
    assertEquals(List.of("OK"), ends);
  }

  @Test
  void errorsKeepTheServersWords() throws Exception {
    int port =
        serve(
            0,
            b -> b,
            (request, observer) ->
                observer.onError(
                    Status.RESOURCE_EXHAUSTED
                        .withDescription("zu viel: 100 % für heute + morgen")
                        .asRuntimeException()));
    Pool opened = open(port, null, 1, Duration.ofSeconds(5));
    for (int i = 0; i < 3; i++) {
      call(opened, new byte[9], 0);
    }
    await(opened);
    assertEquals(
        Collections.nCopies(3, "RESOURCE_EXHAUSTED 0 zu viel: 100 % für heute + morgen"), ends);
  }

  @Test
  void aServerThatIsNoneOfTheseModelsSaysSo() throws Exception {
    Server other =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .build()
            .start();
    server = other;
    Pool opened = open(other.getPort(), null, 1, Duration.ofSeconds(5));
    call(opened, new byte[9], 0);
    await(opened);
    assertEquals(
        List.of("UNIMPLEMENTED 0 Method not found: inference.GRPCInferenceService/ModelInfer"),
        ends);
  }

  @Test
  void eachPrincipalsTokenAndTheTimeoutTravelInTheHeaders() throws Exception {
    int port = serve(0, b -> b, PoolTest::echo);
    Pool opened = open(port, null, 1, Duration.ofMillis(4_321), "alice", "", "bob");
    for (int principal : new int[] {2, 0, 1, 2}) {
      call(opened, new byte[9], principal);
      await(opened);
    }
    List<String> tokens = new ArrayList<>();
    headers.forEach(each -> tokens.add(String.valueOf(each.get(AUTHORIZATION))));
    assertEquals(List.of("Bearer bob", "Bearer alice", "null", "Bearer bob"), tokens);
    headers.forEach(each -> assertEquals("4321000u", each.get(TIMEOUT)));
    assertEquals("99999999n", RequestHeaders.timeout(Duration.ofNanos(99_999_999)));
    assertEquals("86400000m", RequestHeaders.timeout(Duration.ofHours(24)));
  }

  @Test
  void aSilentServerMeetsTheDeadlineAndTheOthersAreNotDisturbed() throws Exception {
    int port =
        serve(
            0,
            b -> b,
            (request, observer) -> {
              if (request.length < 5) {
                echo(request, observer);
              }
            });
    Pool opened = open(port, null, 1, Duration.ofMillis(300));
    assertTrue(opened.awaitOpen(5_000_000_000L));
    call(opened, new byte[9], 0);
    await(opened);
    call(opened, new byte[1], 0);
    await(opened);
    assertEquals(List.of("DEADLINE_EXCEEDED 0 no answer within PT0.3S", "OK 6 "), ends);
  }

  @Test
  void callsBeyondTheServersStreamLimitWaitForRoom() throws Exception {
    int port = serve(0, b -> b.maxConcurrentCallsPerConnection(2), PoolTest::echo);
    Pool opened = open(port, null, 1, Duration.ofSeconds(10));
    assertTrue(opened.awaitOpen(5_000_000_000L));
    for (int i = 0; i < 50; i++) {
      call(opened, new byte[9], 0);
    }
    await(opened);
    assertEquals(Collections.nCopies(50, "OK 14 "), ends);
  }

  @Test
  void whereNobodyListensCallsEndAtOnceWithTheReason() throws Exception {
    int port;
    try (ServerSocket socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    Pool opened = open(port, null, 1, Duration.ofSeconds(5));
    assertFalse(opened.awaitOpen(5_000_000_000L));
    call(opened, new byte[9], 0);
    assertEquals(1, ends.size());
    assertTrue(ends.getFirst().matches("UNAVAILABLE 0 .*Connection refused.*"), ends.getFirst());
  }

  @Test
  void aLostServerIsReachedAgainWhenItIsBack() throws Exception {
    int port = serve(0, b -> b, (request, observer) -> {});
    Pool opened = open(port, null, 1, Duration.ofSeconds(10));
    assertTrue(opened.awaitOpen(5_000_000_000L));
    call(opened, new byte[9], 0);
    opened.turn(50_000_000);
    Server first = server;
    if (first != null) {
      first.shutdownNow().awaitTermination();
    }
    await(opened);
    assertFalse(ends.getFirst().startsWith("OK"), ends.getFirst());
    serve(port, b -> b, PoolTest::echo);
    long start = System.nanoTime();
    while (!ends.getLast().equals("OK 14 ") && System.nanoTime() - start < 10_000_000_000L) {
      opened.turn(50_000_000);
      call(opened, new byte[9], 0);
      await(opened);
    }
    assertEquals("OK 14 ", ends.getLast());
  }

  @Test
  void tlsIsSpokenToServersThatAreTrusted(@TempDir Path folder) throws Exception {
    Path store = folder.resolve("keys.p12");
    Process keytool =
        new ProcessBuilder(
                (Path.of(System.getProperty("java.home"), "bin", "keytool")
                        + " -genkeypair -alias a -keyalg EC -dname CN=localhost -ext"
                        + " san=dns:localhost -validity 2 -storetype PKCS12 -storepass changeit"
                        + " -keystore "
                        + store)
                    .split(" ", -1))
            .redirectErrorStream(true)
            .start();
    String said = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, keytool.waitFor(), said);
    char[] password = "changeit".toCharArray();
    KeyStore keys = KeyStore.getInstance(store.toFile(), password);
    Path certificate = pem(folder, "CERTIFICATE", keys.getCertificate("a").getEncoded());
    Path key = pem(folder, "PRIVATE KEY", keys.getKey("a", password).getEncoded());
    int port =
        serve(0, b -> b.sslContext(Tls.server(certificate, key).serverContext()), PoolTest::echo);
    Pool opened = open(port, Tls.client(certificate), 1, Duration.ofSeconds(10));
    assertTrue(opened.awaitOpen(10_000_000_000L), opened.reason());
    call(opened, new byte[100_000], 0);
    await(opened);
    assertEquals(List.of("OK 100005 "), ends);
    Pool wrong =
        new Pool(
            wire,
            new Target(
                new HostPort("localhost", port),
                new Tls(null, null, null, false),
                1,
                Duration.ofSeconds(5),
                List.of("")));
    assertFalse(wrong.awaitOpen(10_000_000_000L));
    assertTrue(wrong.reason().contains("certification path"), wrong.reason());
    wrong.close();
  }

  private static Path pem(Path folder, String kind, byte[] der) throws Exception {
    return Files.writeString(
        folder.resolve(kind.replace(' ', '-')),
        "-----BEGIN "
            + kind
            + "-----\n"
            + Base64.getMimeEncoder().encodeToString(der)
            + "\n-----END "
            + kind
            + "-----\n");
  }
}
