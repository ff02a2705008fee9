package dev.understudy.router.auth;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.security.ApiKeys;
import dev.understudy.chassis.security.Peer;
import dev.understudy.chassis.security.Reloading;
import dev.understudy.chassis.security.Tokens;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.router.call.Headers;
import dev.understudy.router.call.Principal;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.config.AuthConfig;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds out who is calling where everybody must say so. In this order:
 *
 * <ol>
 *   <li>{@code authorization: Bearer ...} is a token when tokens are known here and it looks like
 *       one (two dots), else an API key;
 *   <li>{@code x-api-key: ...} is an API key;
 *   <li>else the connection's certificate speaks.
 * </ol>
 *
 * <p>A credential that is wrong is refused even if a later step would have let the caller in: a
 * client shall not go on for months with a key that it believes to be in use. Wrong credentials
 * that can be guesses count against the address they come from ({@link FailedAttempts}).
 *
 * <p>Nothing here waits or locks, so it runs on event loops; a token's signature is verified there
 * once, some tens of microseconds. No credential is logged, kept in clear or told again.
 */
final class Credentials implements AutoCloseable {
  private static final int CACHED_TOKENS = 1 << 14;
  private static final String BEARER = "bearer ";
  private static final Duration LOOK_EVERY = Duration.ofSeconds(10);
  private static final Duration TICK_EVERY = Duration.ofSeconds(1);

  /** The keys of one reading, and what their principals may. */
  private record KeyRing(ApiKeys keys, Map<String, Principal> principals) {}

  /** Everything about tokens. */
  private record TokenDesk(TokenVerifier verifier, TokenKeySource source, VerifiedTokens cache) {}

  private final @Nullable Reloading<KeyRing> ring;
  private final @Nullable TokenDesk tokens;
  private final boolean certificates;
  private final Grants grants;
  private final FailedAttempts failed;
  private final Fault missing;
  private final TimeSource time;
  private final AuthCounts counts;

  /**
   * Reads what there is to read.
   *
   * @throws ConfigException if a file cannot be used
   */
  Credentials(AuthConfig config, TimeSource time, AuthCounts counts) {
    this.time = time;
    this.counts = counts;
    AuthConfig.Keys files = config.keys();
    AuthConfig.Jwt jwt = config.jwt();
    SecureRandom random = new SecureRandom();
    grants = new Grants(config);
    ring = files == null ? null : ring(files, grants);
    tokens =
        jwt == null
            ? null
            : new TokenDesk(
                new TokenVerifier(jwt), source(jwt, time), new VerifiedTokens(CACHED_TOKENS));
    certificates = config.clientCertificates();
    failed =
        new FailedAttempts(
            config.failures().perSecond(),
            config.failures().burst(),
            random.nextLong(),
            random.nextLong(),
            time.nanoTime());
    missing = missing(config);
  }

  /** Follows files and issuer from now on. */
  void follow(Scheduler scheduler) {
    if (ring != null) {
      var _ = scheduler.every(LOOK_EVERY, "look at the API keys", ring::poll);
    }
    if (tokens != null) {
      TokenKeySource source = tokens.source;
      var _ = scheduler.after(Duration.ZERO, "fetch the token keys", source::tick);
      var _ = scheduler.every(TICK_EVERY, "fetch the token keys", source::tick);
    }
  }

  /** Who is calling; throws what the caller is told otherwise. */
  Principal of(Headers headers) {
    String authorization = headers.get("authorization");
    if (authorization != null && authorization.regionMatches(true, 0, BEARER, 0, BEARER.length())) {
      return byHeader(authorization, BEARER.length(), true, headers);
    }
    String key = headers.get("x-api-key");
    return key == null ? byCertificate(headers.peer()) : byHeader(key, 0, false, headers);
  }

  private Principal byHeader(String text, int begin, boolean mayBeToken, Headers headers) {
    long nowNanos = time.nanoTime();
    long address = headers.peer().network();
    long waitNanos = failed.waitNanos(address, nowNanos);
    if (waitNanos > 0) {
      counts.add(AuthRefusal.TOO_MANY_FAILURES);
      throw Refusals.tooManyFailures(Duration.ofNanos(waitNanos));
    }
    int from = begin;
    int to = text.length();
    while (from < to && text.charAt(from) == ' ') {
      from++;
    }
    while (to > from && text.charAt(to - 1) == ' ') {
      to--;
    }
    if (mayBeToken && tokens != null && (ring == null || looksLikeToken(text, from, to))) {
      return byToken(tokens, text, from, to, address);
    }
    if (ring != null) {
      KeyRing now = ring.get();
      String name = now.keys.principalOf(text, from, to);
      Principal principal = name == null ? null : now.principals.get(name);
      if (principal != null) {
        return principal;
      }
    }
    throw refused(AuthRefusal.UNKNOWN_KEY, address);
  }

  private static boolean looksLikeToken(String text, int from, int to) {
    int dots = 0;
    for (int i = from; i < to; i++) {
      if (text.charAt(i) == '.') {
        dots++;
      }
    }
    return dots == 2;
  }

  private Principal byToken(TokenDesk desk, String text, int from, int to, long address) {
    TokenKeys keys = desk.source.current();
    if (keys == null) {
      throw refused(AuthRefusal.TOKEN_KEYS, address);
    }
    if (to - from > TokenVerifier.MAX_CHARACTERS) {
      throw refused(AuthRefusal.TOKEN_MALFORMED, address);
    }
    long nowMillis = time.wallMillis();
    Principal known = desk.cache.find(text, from, to, keys, nowMillis);
    if (known != null) {
      return known;
    }
    return switch (desk.verifier.verify(text.substring(from, to), keys, nowMillis)) {
      case TokenVerifier.Good good -> {
        Principal principal = grants.of(good);
        desk.cache.add(text, from, to, principal, good.untilMillis(), keys);
        yield principal;
      }
      case TokenVerifier.Bad(AuthRefusal reason) -> {
        if (reason == AuthRefusal.TOKEN_SIGNER) {
          desk.source.unknownKey();
        }
        throw refused(reason, address);
      }
    };
  }

  private Principal byCertificate(Peer peer) {
    String name = certificates ? peer.certificateName() : null;
    if (name == null) {
      counts.add(AuthRefusal.MISSING);
      throw missing;
    }
    if (time.wallMillis() > peer.certificateExpiryMillis()) {
      throw refused(AuthRefusal.CERTIFICATE_EXPIRED, peer.network());
    }
    return grants.of(name);
  }

  private Fault refused(AuthRefusal reason, long address) {
    counts.add(reason);
    if (reason.isGuess()) {
      failed.failed(address, time.nanoTime());
    }
    return reason.fault();
  }

  /** Who bears this name. */
  Principal named(String name) {
    return grants.of(name);
  }

  private static Reloading<KeyRing> ring(AuthConfig.Keys files, Grants grants) {
    return Reloading.open(
        "auth.keys",
        List.of(files.file(), files.secretFile()),
        contents -> {
          String text = new String(contents.get(0), StandardCharsets.UTF_8);
          String secret = Tokens.parse(files.secretFile(), contents.get(1));
          ApiKeys keys = ApiKeys.parse(files.file().toString(), text, secret);
          return new KeyRing(keys, grants.of(keys.principals()));
        });
  }

  private static TokenKeySource source(AuthConfig.Jwt jwt, TimeSource time) {
    Path file = jwt.file();
    URI url = jwt.url();
    if (file != null) {
      return new FileKeys(file);
    }
    if (url == null) {
      throw new ConfigException("auth.jwt: no keys (expected: jwksFile or jwksUrl)");
    }
    return new RemoteKeys(url, jwt.refresh(), jwt.maxStale(), time);
  }

  private static Fault missing(AuthConfig config) {
    if (config.jwt() == null && !config.clientCertificates()) {
      return Refusals.noKey();
    }
    List<String> expected = new ArrayList<>();
    if (config.keys() != null) {
      expected.add("an API key");
    }
    if (config.jwt() != null) {
      expected.add("metadata 'authorization: Bearer TOKEN'");
    }
    if (config.clientCertificates()) {
      expected.add("a client certificate");
    }
    return Refusals.noCredential(String.join(" or ", expected));
  }

  /** Whether a text is an API key here. */
  boolean isKey(String text) {
    return ring != null && ring.get().keys.principalOf(text) != null;
  }

  /** How many changes of keys could not be used, or not be had. */
  long reloadFailures() {
    return (ring == null ? 0 : ring.failures()) + (tokens == null ? 0 : tokens.source.failures());
  }

  @Override
  public void close() {
    if (tokens != null) {
      tokens.source.close();
    }
  }
}
