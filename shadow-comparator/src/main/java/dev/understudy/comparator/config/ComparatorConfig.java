package dev.understudy.comparator.config;

import dev.understudy.chassis.config.ConfigFile;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.config.Section;
import dev.understudy.chassis.security.ListenPolicy;
import dev.understudy.chassis.security.Tls;
import dev.understudy.chassis.security.Tokens;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What the comparator can be told.
 *
 * <pre>
 * listen: 127.0.0.1:8101        # 0 takes any free port
 * state: /var/lib/understudy/comparator
 * clockSkew: 500ms              # how long a second waits for a router that is late, at most 60s
 * queues:
 *   blocks: 64MiB               # evidence blocks that wait for their second
 *   comparisons: 32MiB          # pairs that wait to be measured; more are dropped and counted
 * retention:
 *   age: 400d                   # logs of stopped evaluations go after so long
 *   bytes: 64GiB                # and the oldest of them when all logs together are larger
 * metrics: 127.0.0.1:9101       # Prometheus
 * worker:                       # only measures pairs, for the comparator that judges; no state
 *   judge: 10.0.0.7:8101
 *   tls: {trust: …}
 *   tokenFile: …
 * tls: {certificate: …, key: …, trust: …, requireClientCertificate: false}
 * tokenFile: …                  # callers must present this token
 * routerTokenFile: …            # or this one, which opens nothing but the intake of evidence
 * </pre>
 *
 * @param listen where both services answer
 * @param state where the evidence logs are, made if it is not there; null for a worker
 * @param clockSkew bound on how far routers' clocks and deliveries lie apart, and clocks ahead of
 *     ours
 * @param blockQueueBytes above this, routers are made to wait
 * @param comparisonQueueBytes above this, comparisons are dropped
 * @param keepAge of the last record, above which logs of stopped evaluations are removed
 * @param keepBytes of all logs, above which the oldest of stopped evaluations are removed
 * @param metrics where Prometheus reads; null for nowhere
 * @param judge whom this comparator measures pairs for; null when it judges
 * @param tls null for plaintext
 * @param token that callers present; null for none
 * @param routerToken that routers may present instead, to the intake only; null for none
 */
public record ComparatorConfig(
    HostPort listen,
    @Nullable Path state,
    Duration clockSkew,
    long blockQueueBytes,
    long comparisonQueueBytes,
    Duration keepAge,
    long keepBytes,
    @Nullable HostPort metrics,
    @Nullable Judge judge,
    @Nullable Tls tls,
    @Nullable String token,
    @Nullable String routerToken) {

  /**
   * The comparator that judges.
   *
   * @param tls null for plaintext
   * @param token to present; null for none
   */
  public record Judge(HostPort address, @Nullable Tls tls, @Nullable String token) {
    @Override
    public String toString() {
      // Without the token.
      return "Judge[" + address + "]";
    }
  }

  /** The default of {@link #listen}. */
  public static final int DEFAULT_PORT = 8101;

  /** The default of {@link #clockSkew}. */
  public static final Duration DEFAULT_CLOCK_SKEW = Duration.ofMillis(500);

  /** The default of {@link #blockQueueBytes}: {@value}. */
  public static final long DEFAULT_BLOCK_QUEUE_BYTES = 64L << 20;

  /** The default of {@link #comparisonQueueBytes}: {@value}. */
  public static final long DEFAULT_COMPARISON_QUEUE_BYTES = 32L << 20;

  /** The default of {@link #keepAge}. */
  public static final Duration DEFAULT_KEEP_AGE = Duration.ofDays(400);

  /** The default of {@link #keepBytes}: {@value}. */
  public static final long DEFAULT_KEEP_BYTES = 64L << 30;

  private static final Duration MOST_CLOCK_SKEW = Duration.ofSeconds(60);
  private static final Duration LEAST_KEEP_AGE = Duration.ofHours(1);
  private static final long LEAST_QUEUE_BYTES = 1L << 16;

  /** On loopback, at any free port, with the defaults. */
  public static ComparatorConfig local(Path state) {
    return new ComparatorConfig(
        HostPort.loopback(0),
        state,
        DEFAULT_CLOCK_SKEW,
        DEFAULT_BLOCK_QUEUE_BYTES,
        DEFAULT_COMPARISON_QUEUE_BYTES,
        DEFAULT_KEEP_AGE,
        DEFAULT_KEEP_BYTES,
        null,
        null,
        null,
        null,
        null);
  }

  /** A worker on loopback, at any free port, for a judge without TLS and token. */
  public static ComparatorConfig localWorker(HostPort judge) {
    return new ComparatorConfig(
        HostPort.loopback(0),
        null,
        DEFAULT_CLOCK_SKEW,
        DEFAULT_BLOCK_QUEUE_BYTES,
        DEFAULT_COMPARISON_QUEUE_BYTES,
        DEFAULT_KEEP_AGE,
        DEFAULT_KEEP_BYTES,
        null,
        new Judge(judge, null, null),
        null,
        null,
        null);
  }

  /** With another bound of the clock skew. */
  public ComparatorConfig withClockSkew(Duration value) {
    return new ComparatorConfig(
        listen,
        state,
        value,
        blockQueueBytes,
        comparisonQueueBytes,
        keepAge,
        keepBytes,
        metrics,
        judge,
        tls,
        token,
        routerToken);
  }

  /** With another address. */
  public ComparatorConfig withListen(HostPort value) {
    return new ComparatorConfig(
        value,
        state,
        clockSkew,
        blockQueueBytes,
        comparisonQueueBytes,
        keepAge,
        keepBytes,
        metrics,
        judge,
        tls,
        token,
        routerToken);
  }

  /** With metrics at this address. */
  public ComparatorConfig withMetrics(HostPort value) {
    return new ComparatorConfig(
        listen,
        state,
        clockSkew,
        blockQueueBytes,
        comparisonQueueBytes,
        keepAge,
        keepBytes,
        value,
        judge,
        tls,
        token,
        routerToken);
  }

  /** With other bounds of what is kept. */
  public ComparatorConfig withRetention(Duration age, long bytes) {
    return new ComparatorConfig(
        listen,
        state,
        clockSkew,
        blockQueueBytes,
        comparisonQueueBytes,
        age,
        bytes,
        metrics,
        judge,
        tls,
        token,
        routerToken);
  }

  /**
   * The folder of the logs.
   *
   * @throws IllegalStateException for a worker, which has none
   */
  public Path logs() {
    if (state == null) {
      throw new IllegalStateException("state: none (expected: a comparator that judges)");
    }
    return state;
  }

  /**
   * Reads a file.
   *
   * @throws dev.understudy.chassis.config.ConfigException with all its problems
   */
  public static ComparatorConfig read(Path file) {
    return ConfigFile.read(file, ComparatorConfig::read);
  }

  /** Reads the root of a file, or a section of a larger one. */
  public static ComparatorConfig read(Section root) {
    HostPort listen = root.address("listen", HostPort.loopback(DEFAULT_PORT));
    Judge judge = root.has("worker") ? judge(root.section("worker")) : null;
    Path state = judge == null ? root.path("state") : noState(root);
    Duration clockSkew = root.duration("clockSkew", DEFAULT_CLOCK_SKEW);
    if (clockSkew.isNegative() || clockSkew.compareTo(MOST_CLOCK_SKEW) > 0) {
      root.problem("clockSkew", clockSkew + " (expected: 0s to 60s)");
    }
    Tls tls = Tls.read(root.section("tls"));
    String token = Tokens.token(root, "tokenFile");
    ListenPolicy.check(root, "listen", listen, tls, token);
    Section queues = root.section("queues");
    Section retention = root.section("retention");
    HostPort metrics = root.optionalAddress("metrics");
    if (metrics != null) {
      ListenPolicy.check(root, "metrics", metrics, null, token);
    }
    Duration keepAge = retention.duration("age", DEFAULT_KEEP_AGE);
    if (keepAge.compareTo(LEAST_KEEP_AGE) < 0) {
      retention.problem("age", keepAge + " (expected: at least 1h)");
    }
    return new ComparatorConfig(
        listen,
        state,
        clockSkew,
        queue(queues, "blocks", DEFAULT_BLOCK_QUEUE_BYTES),
        queue(queues, "comparisons", DEFAULT_COMPARISON_QUEUE_BYTES),
        keepAge,
        retention.bytes("bytes", DEFAULT_KEEP_BYTES),
        metrics,
        judge,
        tls,
        token,
        Tokens.token(root, "routerTokenFile", token));
  }

  private static Judge judge(Section worker) {
    HostPort address = worker.address("judge", HostPort.loopback(DEFAULT_PORT));
    return new Judge(address, Tls.read(worker.section("tls")), Tokens.token(worker, "tokenFile"));
  }

  private static @Nullable Path noState(Section root) {
    if (root.optionalPath("state") != null) {
      root.problem("state", "a worker keeps nothing (expected: no such key, or no worker)");
    }
    return null;
  }

  @Override
  public String toString() {
    // Without the tokens.
    return "ComparatorConfig[listen=" + listen + ", state=" + state + "]";
  }

  private static long queue(Section section, String key, long fallback) {
    long bytes = section.bytes(key, fallback);
    if (bytes < LEAST_QUEUE_BYTES) {
      section.problem(key, bytes + " bytes (expected: at least 64KiB)");
    }
    return bytes;
  }
}
