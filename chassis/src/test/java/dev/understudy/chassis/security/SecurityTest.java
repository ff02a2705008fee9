package dev.understudy.chassis.security;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.chassis.rpc.Echo;
import dev.understudy.chassis.rpc.GrpcServers;
import dev.understudy.chassis.rpc.RpcServer;
import dev.understudy.chassis.rpc.ServerOptions;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.stub.ClientCalls;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class SecurityTest {
  private static final String SECRET = "0123456789abcdef-hmac";
  private static final String TOKEN = "0123456789abcdef-token";

  @TempDir Path folder = Path.of(".");

  private static String call(RpcServer server, ChannelOptions options) {
    ManagedChannel channel = Channels.open(new HostPort("localhost", server.port()), options);
    try {
      return ClientCalls.blockingUnaryCall(channel, Echo.UNARY, CallOptions.DEFAULT, "hi");
    } finally {
      Channels.close(channel, Duration.ofSeconds(1));
    }
  }

  private static ServerOptions.Builder echo() {
    return ServerOptions.at(HostPort.loopback(0)).service(Echo.service(Echo::answer));
  }

  @Test
  void onlyTheTokenOpensTheDoorButHealthIsOpen() throws Exception {
    try (RpcServer server = GrpcServers.server(echo().token(TOKEN).build())) {
      assertEquals("echo hi", call(server, ChannelOptions.plaintext().withToken(TOKEN)));
      for (ChannelOptions wrong :
          List.of(
              ChannelOptions.plaintext(),
              ChannelOptions.plaintext().withToken(TOKEN + "x"),
              ChannelOptions.plaintext().withToken(""))) {
        Fault fault =
            Fault.from(assertThrows(StatusRuntimeException.class, () -> call(server, wrong)));
        assertEquals(Status.Code.UNAUTHENTICATED, fault.code());
        assertEquals("TOKEN_REQUIRED", fault.reason());
      }
      ManagedChannel channel =
          Channels.open(HostPort.loopback(server.port()), ChannelOptions.plaintext());
      assertDoesNotThrow(
          () -> HealthGrpc.newBlockingStub(channel).check(HealthCheckRequest.getDefaultInstance()));
      Channels.close(channel, Duration.ofSeconds(1));
    }
  }

  @Test
  void aServicesOwnTokenOpensNothingElse() throws Exception {
    String own = "0123456789abcdef-own";
    String service = String.valueOf(Echo.UNARY.getServiceName());
    var wrong = ChannelOptions.plaintext().withToken(own + "x");
    var right = ChannelOptions.plaintext().withToken(own);
    try (RpcServer mine =
            GrpcServers.server(echo().token(TOKEN).serviceToken(service, own).build());
        RpcServer others =
            GrpcServers.server(echo().token(TOKEN).serviceToken("another.Service", own).build())) {
      assertEquals("echo hi", call(mine, right));
      assertEquals("echo hi", call(mine, ChannelOptions.plaintext().withToken(TOKEN)));
      assertThrows(StatusRuntimeException.class, () -> call(mine, wrong));
      assertThrows(StatusRuntimeException.class, () -> call(others, right));
    }
    assertFalse(echo().serviceToken(service, own).build().toString().contains(own));
  }

  @Test
  void servicesThatKnowTheirCallersMayListenAnywhere() throws Exception {
    var options =
        ServerOptions.at(HostPort.parse("0.0.0.0:0"))
            .service(Echo.service(Echo::answer))
            .servicesAuthenticate(true);
    try (RpcServer server = GrpcServers.server(options.build())) {
      assertEquals("echo hi", call(server, ChannelOptions.plaintext()));
    }
  }

  @Test
  void tlsServesThoseWhoTrustItAndMutualTlsThoseItTrusts() throws Exception {
    Pem server = pem("server");
    Pem client = pem("client");
    var mutual = new Tls(server.certificate, server.key, client.certificate, true);
    try (RpcServer plain =
            GrpcServers.server(echo().tls(Tls.server(server.certificate, server.key)).build());
        RpcServer strict = GrpcServers.server(echo().tls(mutual).build())) {
      var trusting = ChannelOptions.plaintext().withTls(Tls.client(server.certificate));
      assertEquals("echo hi", call(plain, trusting));
      assertUnavailable(plain, ChannelOptions.plaintext());
      assertUnavailable(plain, ChannelOptions.plaintext().withTls(Tls.client(client.certificate)));

      var known =
          ChannelOptions.plaintext()
              .withTls(new Tls(client.certificate, client.key, server.certificate, false));
      assertEquals("echo hi", call(strict, known));
      assertUnavailable(strict, trusting);
    }
  }

  private static void assertUnavailable(RpcServer server, ChannelOptions options) {
    var thrown = assertThrows(StatusRuntimeException.class, () -> call(server, options));
    assertEquals(Status.Code.UNAVAILABLE, thrown.getStatus().getCode());
  }

  @Test
  void missingTlsFilesAreNamed() {
    var tls = Tls.server(folder.resolve("absent.pem"), folder.resolve("absent.key"));
    var thrown = assertThrows(ConfigException.class, tls::serverContext);
    assertTrue(thrown.problems().getFirst().contains("absent.pem"), thrown::getMessage);
    assertThrows(
        IllegalArgumentException.class, () -> new Tls(Path.of("a.pem"), null, null, false));
  }

  @Test
  void offLoopbackNothingStartsWithoutTlsOrAToken() {
    HostPort open = HostPort.parse("0.0.0.0:0");
    var thrown =
        assertThrows(
            ConfigException.class, () -> GrpcServers.server(ServerOptions.at(open).build()));
    assertTrue(thrown.problems().getFirst().startsWith("0.0.0.0:0: off loopback nothing starts"));
    assertDoesNotThrow(() -> ListenPolicy.check(open, null, TOKEN));
    assertDoesNotThrow(
        () -> ListenPolicy.check(open, Tls.server(Path.of("a"), Path.of("b")), null));
    assertDoesNotThrow(() -> ListenPolicy.check(HostPort.loopback(0), null, null));
  }

  @Test
  void tokensComeFromFilesAndAreNeverShown() throws Exception {
    Path file = Files.writeString(folder.resolve("token"), TOKEN + "\n");
    assertEquals(TOKEN, Tokens.read(file));
    Files.writeString(file, "short-secret");
    var thrown = assertThrows(ConfigException.class, () -> Tokens.read(file));
    assertFalse(thrown.problems().getFirst().contains("short-secret"));
    assertThrows(ConfigException.class, () -> Tokens.read(folder.resolve("absent")));
    assertFalse(echo().token(TOKEN).build().toString().contains(TOKEN));
    assertFalse(ChannelOptions.plaintext().withToken(TOKEN).toString().contains(TOKEN));
    assertEquals(64, Tokens.create().length());
  }

  @Test
  void aKeyBelongsToItsPrincipalUnderTheSecret() {
    String text =
        "# keys\n\n"
            + ApiKeys.entry("alice", "key-1", SECRET)
            + "\n"
            + ApiKeys.entry("alice", "key-2", SECRET)
            + "\n"
            + ApiKeys.entry("team:bob", "key-3", SECRET)
            + "\n";
    assertFalse(text.contains("key-1"));
    ApiKeys keys = ApiKeys.parse("keys", text, SECRET);
    assertEquals(3, keys.size());
    assertEquals("alice", keys.principalOf("key-1"));
    assertEquals("alice", keys.principalOf("key-2"));
    assertEquals("team:bob", keys.principalOf("key-3"));
    assertNull(keys.principalOf("key-4"));
    assertNull(keys.principalOf(""));
    assertNull(keys.principalOf("k".repeat(100_000)));
    assertNull(ApiKeys.parse("keys", text, SECRET + "x").principalOf("key-1"));
  }

  @Test
  void aKeyIsFoundAmongThousandsAndWithinALongerText() {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 2_000; i++) {
      text.append(ApiKeys.entry("p" + i, "key-" + i, SECRET)).append('\n');
    }
    ApiKeys keys = ApiKeys.parse("keys", text.toString(), SECRET);
    for (int i = 0; i < 2_000; i++) {
      assertEquals("p" + i, keys.principalOf("Bearer key-" + i + " ", 7, 11 + ("" + i).length()));
      assertNull(keys.principalOf("key-" + i + "x"));
    }
    assertNull(keys.principalOf("key-1\u00e9"));
    assertNull(keys.principalOf("k\u01ffy-1"));
    assertEquals(2_000, keys.principals().size());
    assertThrows(IllegalArgumentException.class, () -> ApiKeys.entry("a", "k\u00e9y", SECRET));
    assertThrows(IllegalArgumentException.class, () -> ApiKeys.entry("a", "", SECRET));
  }

  @Test
  void keysAreFoundUnderSecretsOfAnyLength() {
    // Entries are made by the JDK's own HMAC.
    for (int length : new int[] {1, 31, 63, 64, 65, 127, 200}) {
      String secret = "s".repeat(length);
      for (String key : new String[] {"k", "k".repeat(55), "k".repeat(64), "k".repeat(512)}) {
        ApiKeys keys = ApiKeys.parse("keys", ApiKeys.entry("ann", key, secret), secret);
        assertEquals("ann", keys.principalOf(key));
        assertNull(keys.principalOf(key + "k"));
      }
    }
  }

  @Test
  void wrongLinesOfAKeyFileAreAllNamed() {
    var thrown =
        assertThrows(
            ConfigException.class,
            () -> ApiKeys.parse("keys", "alice: 12\nnonsense\n: " + "0".repeat(64), SECRET));
    assertEquals(3, thrown.problems().size());
    assertTrue(thrown.problems().get(1).startsWith("keys:2: no entry"));
  }

  private record Pem(Path certificate, Path key) {}

  private Pem pem(String name) throws Exception {
    Path store = folder.resolve(name + ".p12");
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "a",
                "-keyalg",
                "EC",
                "-dname",
                "CN=" + name,
                "-ext",
                "san=dns:localhost",
                "-validity",
                "2",
                "-storetype",
                "PKCS12",
                "-storepass",
                "changeit",
                "-keystore",
                store.toString())
            .redirectErrorStream(true)
            .start();
    String output =
        new String(
            keytool.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
    assertEquals(0, keytool.waitFor(), output);
    char[] password = "changeit".toCharArray();
    KeyStore keys = KeyStore.getInstance(store.toFile(), password);
    return new Pem(
        write(name + ".crt", "CERTIFICATE", keys.getCertificate("a").getEncoded()),
        write(name + ".key", "PRIVATE KEY", keys.getKey("a", password).getEncoded()));
  }

  private Path write(String file, String kind, byte[] der) throws Exception {
    String body = Base64.getMimeEncoder().encodeToString(der);
    return Files.writeString(
        folder.resolve(file),
        "-----BEGIN " + kind + "-----\n" + body + "\n-----END " + kind + "-----\n");
  }
}
