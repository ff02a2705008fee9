package dev.understudy.chassis.security;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.chassis.rpc.Echo;
import dev.understudy.chassis.rpc.GrpcServers;
import dev.understudy.chassis.rpc.PeerFilter;
import dev.understudy.chassis.rpc.RpcServer;
import dev.understudy.chassis.rpc.ServerOptions;
import dev.understudy.chassis.testing.ManualScheduler;
import dev.understudy.chassis.testing.ManualTime;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.netty.pkitesting.X509Bundle;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Files are exchanged while real connections are open. */
@Timeout(60)
class TlsContextsTest {
  @TempDir Path folder = Path.of(".");
  private final ManualTime time = now();
  private final ManualScheduler scheduler = ManualScheduler.on(time);
  private final TlsContexts contexts = new TlsContexts(scheduler, time);
  private final List<Peer> peers = new CopyOnWriteArrayList<>();

  /** The JDK checks certificates against the machine's clock. */
  private static ManualTime now() {
    ManualTime time = new ManualTime();
    time.advance(Duration.ofMillis(System.currentTimeMillis() - time.wallMillis()));
    return time;
  }

  @AfterEach
  void close() {
    contexts.close();
    scheduler.close();
  }

  private Path file(String name) {
    return folder.resolve(name);
  }

  private Tls serverTls() {
    return Tls.server(file("server.crt"), file("server.key"));
  }

  private RpcServer start(Tls tls) throws Exception {
    return GrpcServers.server(
        ServerOptions.at(HostPort.loopback(0))
            .service(Echo.service(Echo::answer))
            .identifyPeers(true)
            .intercept(new Watch())
            .tls(tls, contexts)
            .build());
  }

  private final class Watch implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      peers.add(PeerFilter.of(call.getAttributes()));
      return next.startCall(call, headers);
    }
  }

  private static ManagedChannel open(RpcServer server, ChannelOptions options) {
    return Channels.open(new HostPort("localhost", server.port()), options);
  }

  private static String call(ManagedChannel channel) {
    return ClientCalls.blockingUnaryCall(channel, Echo.UNARY, CallOptions.DEFAULT, "hi");
  }

  private static String once(RpcServer server, Tls tls) {
    ManagedChannel channel = open(server, ChannelOptions.plaintext().withTls(tls));
    try {
      return call(channel);
    } catch (StatusRuntimeException e) {
      return e.getStatus().getCode().toString();
    } finally {
      Channels.close(channel, Duration.ofSeconds(1));
    }
  }

  private void poll() {
    time.advance(TlsContexts.PERIOD);
  }

  @Test
  void aNewCertificateServesNewConnectionsWhileOldOnesLiveOn() throws Exception {
    Certificates first = new Certificates("first");
    Certificates second = new Certificates("second");
    Tls trustFirst = Tls.client(first.trust(file("first.crt")));
    Tls trustSecond = Tls.client(second.trust(file("second.crt")));
    Certificates.write(folder, "server", first.server());
    try (RpcServer server = start(serverTls())) {
      ManagedChannel old = open(server, ChannelOptions.plaintext().withTls(trustFirst));
      assertEquals("echo hi", call(old));
      assertEquals("UNAVAILABLE", once(server, trustSecond));

      Certificates.write(folder, "server", second.server());
      poll();
      assertEquals(1, contexts.reloads());
      assertEquals("echo hi", call(old));
      assertEquals("echo hi", once(server, trustSecond));
      assertEquals("UNAVAILABLE", once(server, trustFirst));
      Channels.close(old, Duration.ofSeconds(1));
    }
  }

  @Test
  void aBrokenFileAWrongKeyAndAnExpiredCertificateLeaveTheOldOneInForce() throws Exception {
    Certificates authority = new Certificates("authority");
    Tls trust = Tls.client(authority.trust(file("trust.crt")));
    X509Bundle good = authority.server();
    Certificates.write(folder, "server", good);
    try (RpcServer server = start(serverTls())) {
      Files.writeString(file("server.crt"), "-----BEGIN CERTIFICATE-----\nnonsense\n");
      poll();
      assertEquals(0, contexts.reloadFailures());
      poll();
      assertEquals(1, contexts.reloadFailures());
      assertEquals("echo hi", once(server, trust));

      Certificates.write(folder, "server", good);
      Files.writeString(file("server.key"), authority.server().getPrivateKeyPEM());
      poll();
      poll();
      assertEquals(2, contexts.reloadFailures());
      assertEquals("echo hi", once(server, trust));

      X509Bundle late =
          authority.issue(
              Certificates.leaf("server")
                  .addSanDnsName("localhost")
                  .notAfter(Instant.ofEpochMilli(time.wallMillis()).minusSeconds(60)));
      Certificates.write(folder, "server", late);
      poll();
      poll();
      assertEquals(3, contexts.reloadFailures());
      assertEquals(0, contexts.reloads());
      assertEquals("echo hi", once(server, trust));

      Certificates.write(folder, "server", authority.server());
      poll();
      assertEquals(1, contexts.reloads());
      assertEquals(3, contexts.reloadFailures());
      assertEquals("echo hi", once(server, trust));
    }
  }

  @Test
  void aServerForgetsClientsWhomItsNewTrustFileDoesNotKnow() throws Exception {
    Certificates servers = new Certificates("servers");
    Certificates old = new Certificates("old clients");
    Certificates fresh = new Certificates("new clients");
    Certificates.write(folder, "server", servers.server());
    Certificates.write(folder, "old", old.issue(Certificates.leaf("ann")));
    Certificates.write(folder, "fresh", fresh.issue(Certificates.leaf("ben")));
    Path trust = servers.trust(file("servers.crt"));
    Path clients = old.trust(file("clients.crt"));
    Tls asOld = new Tls(file("old.crt"), file("old.key"), trust, false);
    Tls asFresh = new Tls(file("fresh.crt"), file("fresh.key"), trust, false);
    try (RpcServer server = start(new Tls(file("server.crt"), file("server.key"), clients, true))) {
      assertEquals("echo hi", once(server, asOld));
      assertEquals("UNAVAILABLE", once(server, asFresh));
      fresh.trust(clients);
      poll();
      assertEquals("UNAVAILABLE", once(server, asOld));
      assertEquals("echo hi", once(server, asFresh));
      assertEquals("UNAVAILABLE", once(server, Tls.client(trust)));
      assertEquals(List.of("ann", "ben"), peers.stream().map(Peer::certificateName).toList());
    }
  }

  @Test
  void aClientTakesUpItsNewTrustFile() throws Exception {
    Certificates first = new Certificates("first");
    Certificates second = new Certificates("second");
    Certificates.write(folder, "server", second.server());
    Tls tls = Tls.client(first.trust(file("trust.crt")));
    ChannelOptions following = ChannelOptions.plaintext().withTls(tls).withTlsContexts(contexts);
    try (RpcServer server = start(serverTls())) {
      ManagedChannel channel = open(server, following);
      Status.Code before =
          assertThrows(StatusRuntimeException.class, () -> call(channel)).getStatus().getCode();
      assertEquals(Status.Code.UNAVAILABLE, before);
      second.trust(file("trust.crt"));
      poll();
      channel.resetConnectBackoff();
      assertEquals(
          "echo hi",
          ClientCalls.blockingUnaryCall(
              channel,
              Echo.UNARY,
              CallOptions.DEFAULT.withWaitForReady().withDeadlineAfter(20, TimeUnit.SECONDS),
              "hi"));
      Channels.close(channel, Duration.ofSeconds(1));
    }
  }

  @Test
  void aClientMayShowACertificateWhereNoneIsRequired() throws Exception {
    Certificates authority = new Certificates("authority");
    Certificates others = new Certificates("others");
    Path trust = authority.trust(file("trust.crt"));
    Certificates.write(folder, "server", authority.server());
    X509Bundle ann =
        authority.issue(
            Certificates.leaf("ann")
                .addSanDnsName("ann.example")
                .addSanUriName(new URI("spiffe://example/ann")));
    Certificates.write(folder, "ann", ann);
    Certificates.write(folder, "eve", others.issue(Certificates.leaf("eve")));
    Tls optional = new Tls(file("server.crt"), file("server.key"), trust, false);
    try (RpcServer server = start(optional)) {
      assertEquals("echo hi", once(server, Tls.client(trust)));
      assertEquals(
          "echo hi", once(server, new Tls(file("ann.crt"), file("ann.key"), trust, false)));
      // Clients show no certificate that the server would not trust.
      assertEquals(
          "echo hi", once(server, new Tls(file("eve.crt"), file("eve.key"), trust, false)));
    }
    assertEquals(3, peers.size());
    assertEquals(null, peers.get(2).certificateName());
    assertEquals(null, peers.get(0).certificateName());
    assertEquals("spiffe://example/ann", peers.get(1).certificateName());
    assertEquals(0x7f000001L, peers.get(1).network());
    assertEquals(
        ann.getCertificate().getNotAfter().toInstant().toEpochMilli(),
        peers.get(1).certificateExpiryMillis());
  }

  @Test
  void expiriesAreTold() throws Exception {
    Certificates authority = new Certificates("authority");
    Instant end = Instant.ofEpochMilli(time.wallMillis()).plusSeconds(3600);
    Certificates.write(
        folder, "server", authority.issue(Certificates.leaf("server").notAfter(end)));
    assertEquals(false, contexts.server(serverTls()).isClient());
    long left = contexts.expiries().getFirst().secondsLeft();
    assertTrue(left >= 3598 && left <= 3600, "seconds left: " + left);
    String page = contexts.prometheusText();
    assertTrue(
        page.contains(
            "understudy_tls_certificate_expiry_seconds{file=\"" + file("server.crt") + "\"} "),
        page);
    assertTrue(page.contains("understudy_tls_reload_failures_total 0\n"), page);
  }

  @Test
  void filesThatCannotBeUsedAtTheStartAreNamed() throws Exception {
    Certificates authority = new Certificates("authority");
    Certificates.write(folder, "server", authority.server());
    Files.writeString(file("server.key"), authority.server().getPrivateKeyPEM());
    String said =
        assertThrows(ConfigException.class, () -> contexts.server(serverTls()))
            .problems()
            .getFirst();
    assertTrue(said.contains("is not that of the certificate"), said);
    String secret = "MIGHAgEAMBMGByqGSM49";
    Files.writeString(
        file("server.key"),
        "-----BEGIN PRIVATE KEY-----\n" + secret + "\n-----END PRIVATE KEY-----\n");
    said =
        assertThrows(ConfigException.class, () -> contexts.server(serverTls()))
            .problems()
            .getFirst();
    assertTrue(said.endsWith("no private key (expected: PEM, PKCS#8)"), said);
    assertTrue(!said.contains(secret), said);
  }
}
