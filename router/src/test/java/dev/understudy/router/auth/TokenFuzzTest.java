package dev.understudy.router.auth;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.security.ApiKeys;
import dev.understudy.chassis.testing.ManualScheduler;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.router.call.Grant;
import dev.understudy.router.config.AuthConfig;
import io.grpc.Status.Code;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Whatever a stranger sends, it is refused, quietly and with a status of its own. */
class TokenFuzzTest {
  private static final String SECRET = "0123456789abcdef-hmac";
  private static final String JWKS = Jwts.jwks(Jwts.rsa("r1"), Jwts.ec("e1"));

  private final Authenticator authenticator = authenticator();

  private static Authenticator authenticator() {
    try {
      Path folder = Files.createTempDirectory("fuzz");
      Path keys = Files.writeString(folder.resolve("k"), ApiKeys.entry("ann", "key-1", SECRET));
      Path secret = Files.writeString(folder.resolve("s"), SECRET);
      Path jwks = Files.writeString(folder.resolve("jwks"), JWKS);
      var settings = Jwts.settings("roles", "models");
      var jwt =
          new AuthConfig.Jwt(
              jwks,
              null,
              settings.issuer(),
              settings.audiences(),
              settings.algorithms(),
              settings.skew(),
              settings.refresh(),
              settings.maxStale(),
              settings.principalClaim(),
              settings.rolesClaim(),
              settings.modelsClaim());
      ManualTime time = new ManualTime();
      return Authenticator.start(
          new AuthConfig(
              new AuthConfig.Keys(keys, secret),
              jwt,
              false,
              Map.of(),
              Grant.OPEN,
              List.of(),
              new AuthConfig.Failures(1e6, 1_000_000)),
          time,
          ManualScheduler.on(time));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @FuzzTest(maxDuration = "60s")
  void anyAuthorizationIsRefused(FuzzedDataProvider data) {
    boolean bearer = data.consumeBoolean();
    String text = data.consumeRemainingAsString();
    String header = bearer ? "Bearer " + text : text;
    try {
      authenticator.authenticate(name -> "authorization".equals(name) ? header : null);
      if (!header.strip().endsWith("key-1")) {
        throw new AssertionError("a stranger was let in");
      }
    } catch (Fault refusal) {
      if (refusal.code() != Code.UNAUTHENTICATED || refusal.reason().isEmpty()) {
        throw new AssertionError("refused in another way: " + refusal.code(), refusal);
      }
    }
  }

  @FuzzTest(maxDuration = "60s")
  void anyKeySetIsReadOrRefused(FuzzedDataProvider data) {
    String text = data.consumeRemainingAsString();
    try {
      if (TokenKeys.parse("keys", text).size() == 0) {
        throw new AssertionError("a set without keys");
      }
    } catch (ConfigException refused) {
      if (!refused.problems().getFirst().startsWith("keys: ")) {
        throw new AssertionError("a problem without its place", refused);
      }
    }
  }
}
