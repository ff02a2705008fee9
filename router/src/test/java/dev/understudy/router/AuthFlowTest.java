package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jwt.JWTClaimsSet;
import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.error.FaultDetails;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.chassis.security.ApiKeys;
import dev.understudy.chassis.security.Tls;
import dev.understudy.chassis.testing.ManualScheduler;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.inference.ModelReadyRequest;
import dev.understudy.proto.inference.ServerLiveRequest;
import dev.understudy.proto.inference.ServerMetadataRequest;
import dev.understudy.proto.v1.GetTableRequest;
import dev.understudy.proto.v1.RouterAdminGrpc;
import dev.understudy.router.auth.Jwts;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who may do what, through a real router; no backend hears of those who may not. */
@Timeout(60)
class AuthFlowTest {
  private static final String SECRET = "a-secret-of-the-service";
  private static final String TOKEN = "0123456789abcdef-admin";

  @TempDir Path folder;

  @BeforeEach
  void keys() throws Exception {
    StringBuilder keys = new StringBuilder();
    for (String name : new String[] {"ann", "ben", "cat", "dan", "tess"}) {
      keys.append(ApiKeys.entry(name, name + "-key", SECRET)).append('\n');
    }
    write("keys", keys.toString());
    write("secret", SECRET);
    write("token", TOKEN);
  }

  private Path write(String name, String text) throws Exception {
    return Files.writeString(folder.resolve(name), text);
  }

  private String auth(String more) {
    return "auth: {keys: "
        + folder.resolve("keys")
        + ", secret: "
        + folder.resolve("secret")
        + more
        + "}\n";
  }

  private static GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub as(
      Rig rig, String name) {
    return rig.stub("x-api-key", name + "-key");
  }

  private static Fault refusal(Runnable call) {
    return Fault.from(Rig.failure(call));
  }

  private static String told(Fault refusal) {
    return refusal.code() + " " + refusal.reason() + " " + refusal.getMessage();
  }

  @Test
  void eachPrincipalHasItsModelsAndRolesAndNothingWithoutAGrant() throws Exception {
    String yaml =
        auth(
                ", principals: {ann: {models: [fraud]}, ben: {models: ['churn*']}, cat: {models:"
                    + " ['*'], roles: [metadata]}}, testers: [tess]")
            + "metrics: 127.0.0.1:0\n";
    try (Rig rig = Rig.watching(yaml)) {
      rig.offer(1, rig.route(0, 0));
      assertEquals("1", as(rig, "ann").modelInfer(Rig.request()).getModelVersion());
      assertEquals("1", as(rig, "tess").modelInfer(Rig.request()).getModelVersion());
      assertEquals(2, rig.champion.calls());

      Fault scope = refusal(() -> as(rig, "ben").modelInfer(Rig.request()));
      assertEquals(
          "PERMISSION_DENIED MODEL_NOT_IN_SCOPE principal 'ben' may not use model 'fraud'",
          told(scope));
      assertEquals(new FaultDetails.Resource("model", "fraud"), scope.details().resource());
      assertEquals("ben", scope.details().metadata().get("principal"));
      ModelInferRequest unknown = Rig.request().toBuilder().setModelName("nope").setId("7").build();
      assertEquals(
          "PERMISSION_DENIED MODEL_NOT_IN_SCOPE [request id: 7] principal 'ann' may not use model"
              + " 'nope'",
          told(refusal(() -> as(rig, "ann").modelInfer(unknown))));

      Fault role = refusal(() -> as(rig, "cat").modelInfer(Rig.request()));
      assertEquals(
          "PERMISSION_DENIED ROLE_MISSING principal 'cat' has no role 'infer'", told(role));
      assertEquals("infer", role.details().metadata().get("role"));
      ModelMetadataRequest about = ModelMetadataRequest.newBuilder().setName("fraud").build();
      assertEquals("fraud", as(rig, "cat").modelMetadata(about).getName());
      assertEquals(
          "PERMISSION_DENIED MODEL_NOT_IN_SCOPE principal 'ben' may not use model 'fraud'",
          told(refusal(() -> as(rig, "ben").modelMetadata(about))));
      assertEquals(
          "PERMISSION_DENIED MODEL_NOT_IN_SCOPE principal 'ben' may not use model 'fraud'",
          told(
              refusal(() ->
                  as(rig, "ben")
                      .modelReady(ModelReadyRequest.newBuilder().setName("fraud").build()))));

      assertEquals(
          "PERMISSION_DENIED ROLE_MISSING principal 'dan' has no role 'infer'",
          told(refusal(() -> as(rig, "dan").modelInfer(Rig.request()))));
      assertEquals(
          "PERMISSION_DENIED ROLE_MISSING principal 'dan' has no role 'metadata'",
          told(
              refusal(() ->
                  as(rig, "dan").serverMetadata(ServerMetadataRequest.getDefaultInstance()))));
      assertTrue(as(rig, "dan").serverLive(ServerLiveRequest.getDefaultInstance()).getLive());
      Rig.eventually(
          "health is open",
          () ->
              HealthGrpc.newBlockingStub(rig.channel)
                      .check(HealthCheckRequest.getDefaultInstance())
                      .getStatus()
                  == ServingStatus.SERVING);
      assertEquals(2, rig.champion.calls());

      String page = page(rig);
      assertTrue(page.contains("understudy_auth_refusals_total{reason=\"model\"} 4.0"), page);
      assertTrue(page.contains("understudy_auth_refusals_total{reason=\"role\"} 3.0"), page);
    }
  }

  private static String page(Rig rig) throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      URI uri =
          URI.create(
              "http://127.0.0.1:" + rig.router.ports().getOrDefault("metrics", 0) + "/metrics");
      return client
          .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString())
          .body();
    }
  }

  @Test
  void guessesFromOneAddressComeToAnEnd() throws Exception {
    String yaml = auth(", others: {models: ['*']}, failures: {burst: 3, perSecond: 0.001}");
    try (Rig rig = Rig.watching(yaml)) {
      rig.offer(1, rig.route(0, 0));
      for (int i = 0; i < 3; i++) {
        assertEquals(
            "UNAUTHENTICATED API_KEY_UNKNOWN unknown API key",
            told(refusal(() -> as(rig, "eve").modelInfer(Rig.request()))));
      }
      StatusRuntimeException e = Rig.failure(() -> as(rig, "ann").modelInfer(Rig.request()));
      Fault blocked = Fault.from(e);
      assertEquals(
          "RESOURCE_EXHAUSTED AUTHENTICATION_FAILURES too many failed authentications from this"
              + " address",
          told(blocked));
      Duration wait = blocked.details().retryAfter();
      assertNotNull(wait);
      assertTrue(wait.toSeconds() > 900 && wait.toSeconds() <= 1000, "wait: " + wait);
      Metadata trailers = e.getTrailers();
      assertNotNull(trailers);
      assertNotNull(
          trailers.get(
              Metadata.Key.of("grpc-retry-pushback-ms", Metadata.ASCII_STRING_MARSHALLER)));
      assertTrue(rig.stub().serverLive(ServerLiveRequest.getDefaultInstance()).getLive());
      assertEquals(0, rig.champion.calls());
    }
  }

  @Test
  void tokensOfTheIssuerNamePrincipalsAndTheirRights() throws Exception {
    ECKey key = Jwts.ec("e1");
    ECKey next = Jwts.ec("e2");
    write("jwks", Jwts.jwks(key));
    ManualTime time = new ManualTime();
    ManualScheduler scheduler = ManualScheduler.on(time);
    String yaml =
        "auth: {jwt: {jwksFile: "
            + folder.resolve("jwks")
            + ", issuer: "
            + Jwts.ISSUER
            + ", audience: ["
            + Jwts.AUDIENCE
            + "], rolesClaim: roles, modelsClaim: models}}\n";
    try (Rig rig = Rig.watching(time, scheduler, yaml)) {
      rig.offer(1, rig.route(0, 0));
      UnaryOperator<JWTClaimsSet.Builder> rights =
          claims -> claims.claim("roles", "infer").claim("models", "fraud*");
      String good = Jwts.signed(key, Jwts.claims(time.wallMillis(), rights));
      assertEquals("1", bearer(rig, good).modelInfer(Rig.request()).getModelVersion());
      assertEquals("1", bearer(rig, good).modelInfer(Rig.request()).getModelVersion());
      assertEquals(
          "UNAUTHENTICATED CREDENTIAL_MISSING missing credential (expected: metadata"
              + " 'authorization: Bearer TOKEN')",
          told(refusal(() -> rig.stub().modelInfer(Rig.request()))));
      assertEquals(
          "PERMISSION_DENIED ROLE_MISSING principal 'ann' has no role 'infer'",
          told(refused(rig, key, time, claims -> claims.claim("models", "*"))));
      assertEquals(
          "PERMISSION_DENIED MODEL_NOT_IN_SCOPE principal 'ann' may not use model 'fraud'",
          told(refused(rig, key, time, claims -> claims.claim("roles", "infer"))));
      assertEquals(
          "UNAUTHENTICATED TOKEN_AUDIENCE the token is meant for another audience",
          told(refused(rig, key, time, claims -> claims.audience("other"))));
      assertEquals(
          "UNAUTHENTICATED TOKEN_ISSUER the token's issuer is not the expected one",
          told(refused(rig, key, time, claims -> claims.issuer("other"))));
      assertEquals(
          "UNAUTHENTICATED TOKEN_MALFORMED the token is no signed JWT",
          told(refusal(() -> bearer(rig, "nonsense").modelInfer(Rig.request()))));
      assertEquals(
          "UNAUTHENTICATED TOKEN_SIGNER_UNKNOWN the token's signer is not known",
          told(refused(rig, next, time, rights)));

      // The issuer exchanges its key: the new one opens, and what the old one opened is closed.
      write("jwks", Jwts.jwks(next));
      time.advance(Duration.ofSeconds(10));
      String renewed = Jwts.signed(next, Jwts.claims(time.wallMillis(), rights));
      assertEquals("1", bearer(rig, renewed).modelInfer(Rig.request()).getModelVersion());
      assertEquals(
          "UNAUTHENTICATED TOKEN_SIGNER_UNKNOWN the token's signer is not known",
          told(refusal(() -> bearer(rig, good).modelInfer(Rig.request()))));

      time.advance(Duration.ofSeconds(3631));
      assertEquals(
          "UNAUTHENTICATED TOKEN_EXPIRED the token has expired",
          told(refusal(() -> bearer(rig, renewed).modelInfer(Rig.request()))));
      assertEquals(3, rig.champion.calls());
    }
  }

  private static GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub bearer(
      Rig rig, String token) {
    return rig.stub("authorization", "Bearer " + token);
  }

  private static Fault refused(
      Rig rig, ECKey key, ManualTime time, UnaryOperator<JWTClaimsSet.Builder> change) {
    String token = Jwts.signed(key, Jwts.claims(time.wallMillis(), change));
    return refusal(() -> bearer(rig, token).modelInfer(Rig.request()));
  }

  @Test
  void anIssuerThatCannotBeReachedIsNotTheCallersFault() throws Exception {
    String yaml =
        "auth: {jwt: {jwksUrl: 'http://127.0.0.1:1/jwks', issuer: "
            + Jwts.ISSUER
            + ", audience: [a]}, others: {models: ['*']}}\n";
    try (Rig rig = Rig.watching(yaml)) {
      rig.offer(1, rig.route(0, 0));
      Fault refusal = refusal(() -> bearer(rig, "a.b.c").modelInfer(Rig.request()));
      assertEquals(
          "UNAVAILABLE TOKEN_KEYS_UNAVAILABLE the keys that sign tokens are not known at the"
              + " moment",
          told(refusal));
      assertEquals(Duration.ofSeconds(1), refusal.details().retryAfter());
    }
  }

  @Test
  void keysAreExchangedWhileCallsGoOn() throws Exception {
    ManualTime time = new ManualTime();
    ManualScheduler scheduler = ManualScheduler.on(time);
    try (Rig rig = Rig.watching(time, scheduler, auth(", others: {models: ['*']}"))) {
      rig.offer(1, rig.route(0, 0));
      assertEquals("1", as(rig, "ann").modelInfer(Rig.request()).getModelVersion());
      write("keys", "nonsense\n");
      time.advance(Duration.ofSeconds(10));
      time.advance(Duration.ofSeconds(10));
      assertEquals("1", as(rig, "ann").modelInfer(Rig.request()).getModelVersion());
      write("keys", ApiKeys.entry("eve", "eve-key", SECRET));
      time.advance(Duration.ofSeconds(10));
      assertEquals("1", as(rig, "eve").modelInfer(Rig.request()).getModelVersion());
      assertEquals(
          "UNAUTHENTICATED API_KEY_UNKNOWN unknown API key",
          told(refusal(() -> as(rig, "ann").modelInfer(Rig.request()))));
    }
  }

  @Test
  void aClientCertificateNamesThePrincipal() throws Exception {
    X509Bundle authority =
        new CertificateBuilder()
            .ecp256()
            .subject("CN=authority")
            .setIsCertificateAuthority(true)
            .buildSelfSigned();
    Path trust = write("trust.crt", authority.getRootCertificatePEM());
    Tls server = leaf(authority, "server", trust, builder -> builder.addSanDnsName("localhost"));
    Tls ann =
        leaf(
            authority,
            "ann",
            trust,
            builder -> builder.addSanUriName(URI.create("spiffe://example/ann")));
    Tls ben = leaf(authority, "ben", trust, builder -> builder);
    String yaml =
        """
        tls: {certificate: %s, key: %s, trust: %s}
        auth: {clientCertificates: true, principals: {'spiffe://example/ann': {models: [fraud]}}}
        models: {fraud: {champion: {version: "1", endpoints: [CHAMPION]}}}
        """
            .formatted(server.certificateChain(), server.privateKey(), trust);
    try (Rig rig = Rig.fixed(yaml)) {
      Rig.eventually(
          "ann is let in",
          () -> {
            try {
              return infer(rig, ann).equals("1");
            } catch (StatusRuntimeException e) {
              return false;
            }
          });
      assertEquals(
          "PERMISSION_DENIED ROLE_MISSING principal 'ben' has no role 'infer'",
          told(refusal(() -> infer(rig, ben))));
      assertEquals(
          "UNAUTHENTICATED CREDENTIAL_MISSING missing credential (expected: a client certificate)",
          told(refusal(() -> infer(rig, Tls.client(trust)))));
    }
  }

  private Tls leaf(
      X509Bundle authority, String name, Path trust, UnaryOperator<CertificateBuilder> change)
      throws Exception {
    X509Bundle bundle =
        change
            .apply(new CertificateBuilder().ecp256().subject("CN=" + name))
            .buildIssuedBy(authority);
    return new Tls(
        write(name + ".crt", bundle.getCertificatePathPEM()),
        write(name + ".key", bundle.getPrivateKeyPEM()),
        trust,
        false);
  }

  private static String infer(Rig rig, Tls tls) {
    ManagedChannel channel =
        Channels.open(
            new HostPort("localhost", rig.router.ports().getOrDefault("grpc", 0)),
            ChannelOptions.plaintext().withTls(tls));
    try {
      return GRPCInferenceServiceGrpc.newBlockingStub(channel)
          .modelInfer(Rig.request())
          .getModelVersion();
    } finally {
      Channels.close(channel, Duration.ofSeconds(1));
    }
  }

  @Test
  void whatOpensInferenceDoesNotOpenTheAdminPortNorTheOtherWayRound() throws Exception {
    String yaml =
        auth(", others: {models: ['*']}") + "tokenFile: " + folder.resolve("token") + "\n";
    try (Rig rig = Rig.watching(yaml)) {
      rig.offer(1, rig.route(0, 0));
      HostPort admin = HostPort.loopback(rig.router.ports().getOrDefault("admin", 0));
      assertEquals(
          "UNAUTHENTICATED TOKEN_REQUIRED no valid token (expected: the header authorization:"
              + " Bearer TOKEN)",
          told(refusal(() -> table(admin, "ann-key"))));
      assertEquals(1, table(admin, TOKEN));
      assertEquals(
          "UNAUTHENTICATED API_KEY_UNKNOWN unknown API key",
          told(refusal(() -> bearer(rig, TOKEN).modelInfer(Rig.request()))));
      assertEquals(0, rig.champion.calls());
    }
    write("keys", ApiKeys.entry("ann", TOKEN, SECRET));
    assertEquals(
        "tokenFile: the token of the admin port is an API key too (expected: another token)",
        assertThrows(ConfigException.class, () -> Rig.watching(yaml)).problems().getFirst());
  }

  private static int table(HostPort admin, String token) {
    ManagedChannel channel = Channels.open(admin, ChannelOptions.plaintext().withToken(token));
    try {
      return RouterAdminGrpc.newBlockingStub(channel)
          .getTable(GetTableRequest.getDefaultInstance())
          .getTable()
          .getModelsCount();
    } finally {
      Channels.close(channel, Duration.ofSeconds(1));
    }
  }
}
