package dev.understudy.loadtest.bench;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.security.ApiKeys;
import dev.understudy.chassis.security.Peer;
import dev.understudy.chassis.security.Tokens;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.router.auth.Authenticator;
import dev.understudy.router.call.CallerRole;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.call.Grant;
import dev.understudy.router.call.Headers;
import dev.understudy.router.call.ModelScope;
import dev.understudy.router.call.Principal;
import dev.understudy.router.config.AuthConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What it costs the router to know who is calling and what he may do: nothing asked, an API key
 * among 100 principals, a token that was verified before, a certificate, and a token whose
 * signature has to be verified (and is wrong, so that it is not remembered).
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class AuthBenchmark {
  private static final String SECRET = "0123456789abcdef-hmac";

  /** Metadata of one call; the same object again, so that only the layer is measured. */
  private record Call(@Nullable String authorization, Peer peer) implements Headers {
    @Override
    public @Nullable String get(String name) {
      return "authorization".equals(name) ? authorization : null;
    }
  }

  private static final Call NOTHING = new Call(null, Peer.UNKNOWN);

  private final Scheduler scheduler = Scheduler.daemon("bench");
  private final Authenticator open = Authenticator.open();
  private Authenticator guarded = open;
  private Call key = NOTHING;
  private Call token = NOTHING;
  private Call badRsa = NOTHING;
  private Call badEc = NOTHING;
  private Call certificate = NOTHING;
  private final Principal scoped =
      new Principal(
          "p",
          Grant.of(
              Set.of(CallerRole.INFER),
              ModelScope.of(List.of("churn", "prices-*", "fraud-*")),
              Criticality.DEFAULT));

  /** Makes keys and tokens. */
  @Setup
  public void prepare() throws IOException, JOSEException {
    Path folder = Files.createTempDirectory("auth-bench");
    StringBuilder lines = new StringBuilder();
    String fifty = "";
    for (int i = 0; i < 100; i++) {
      String made = Tokens.create();
      fifty = i == 50 ? made : fifty;
      lines.append(ApiKeys.entry("principal-" + i, made, SECRET)).append('\n');
    }
    RSAKey rsa = new RSAKeyGenerator(2048).keyID("r").generate();
    ECKey ec = new ECKeyGenerator(Curve.P_256).keyID("e").generate();
    Path keys = Files.writeString(folder.resolve("keys"), lines);
    Path secret = Files.writeString(folder.resolve("secret"), SECRET);
    Path jwks =
        Files.writeString(
            folder.resolve("jwks"), new JWKSet(List.of(rsa, ec)).toPublicJWKSet().toString());
    guarded =
        Authenticator.start(
            new AuthConfig(
                new AuthConfig.Keys(keys, secret),
                new AuthConfig.Jwt(
                    jwks,
                    null,
                    "issuer",
                    Set.of("audience"),
                    Set.of("RS256", "ES256"),
                    Duration.ofSeconds(30),
                    Duration.ofMinutes(5),
                    Duration.ofDays(1),
                    "sub",
                    null,
                    null),
                true,
                Map.of(),
                Grant.OPEN,
                List.of(),
                new AuthConfig.Failures(1e6, 1_000_000)),
            TimeSource.system(),
            scheduler);
    key = new Call("Bearer " + fifty, Peer.UNKNOWN);
    String good = signed(JWSAlgorithm.RS256, "r", new RSASSASigner(rsa));
    token = new Call("Bearer " + good, Peer.UNKNOWN);
    badRsa = new Call("Bearer " + spoiled(good), Peer.UNKNOWN);
    badEc =
        new Call(
            "Bearer " + spoiled(signed(JWSAlgorithm.ES256, "e", new ECDSASigner(ec))),
            Peer.UNKNOWN);
    certificate = new Call(null, new Peer(1, "spiffe://example/p", Long.MAX_VALUE));
  }

  /** Stops the clock. */
  @TearDown
  public void stop() {
    guarded.close();
    scheduler.close();
  }

  @SuppressWarnings("JavaUtilDate") // the library's type
  private static String signed(JWSAlgorithm algorithm, String id, JWSSigner signer)
      throws JOSEException {
    SignedJWT jwt =
        new SignedJWT(
            new JWSHeader.Builder(algorithm).keyID(id).build(),
            new JWTClaimsSet.Builder()
                .subject("p")
                .issuer("issuer")
                .audience("audience")
                .claim("email", "somebody@example.com")
                .claim("groups", List.of("one-group", "another-group", "a-third-group"))
                .expirationTime(Date.from(Instant.now().plusSeconds(86_400)))
                .build());
    jwt.sign(signer);
    return jwt.serialize();
  }

  /** Another character in the middle of the signature. */
  private static String spoiled(String token) {
    int at = (token.lastIndexOf('.') + token.length()) / 2;
    char other = token.charAt(at) == 'A' ? 'B' : 'A';
    return token.substring(0, at) + other + token.substring(at + 1);
  }

  /** Nobody is asked. */
  @Benchmark
  public Principal nobodyIsAsked() {
    return open.authenticate(NOTHING);
  }

  /** HMAC-SHA-256 and a look-up. */
  @Benchmark
  public Principal apiKey() {
    return guarded.authenticate(key);
  }

  /** SHA-256 and a look-up. */
  @Benchmark
  public Principal knownToken() {
    return guarded.authenticate(token);
  }

  /** What the connection found out. */
  @Benchmark
  public Principal clientCertificate() {
    return guarded.authenticate(certificate);
  }

  /** Parsing and RS256. */
  @Benchmark
  public String verifyRs256() {
    return refusal(badRsa);
  }

  /** Parsing and ES256. */
  @Benchmark
  public String verifyEs256() {
    return refusal(badEc);
  }

  /** A scope of a name and two patterns. */
  @Benchmark
  public boolean scope() {
    return scoped.mayCall("fraud-detector");
  }

  private String refusal(Call call) {
    try {
      return guarded.authenticate(call).name();
    } catch (Fault refusal) {
      return refusal.reason();
    }
  }
}
