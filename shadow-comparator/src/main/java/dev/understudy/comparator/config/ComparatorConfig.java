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
 * tls: {certificate: …, key: …, trust: …, requireClientCertificate: false}
 * tokenFile: …                  # callers must present this token
 * routerTokenFile: …            # or this one, which opens nothing but the intake of evidence
 * </pre>
 *
 * @param listen where both services answer
 * @param state where the evidence logs are; made if it is not there
 * @param clockSkew bound on how far routers' clocks and deliveries lie apart
 * @param blockQueueBytes above this, routers are made to wait
 * @param comparisonQueueBytes above this, comparisons are dropped
 * @param tls null for plaintext
 * @param token that callers present; null for none
 * @param routerToken that routers may present instead, to the intake only; null for none
 */
public record ComparatorConfig(
    HostPort listen,
    Path state,
    Duration clockSkew,
    long blockQueueBytes,
    long comparisonQueueBytes,
    @Nullable Tls tls,
    @Nullable String token,
    @Nullable String routerToken) {

  /** The default of {@link #listen}. */
  public static final int DEFAULT_PORT = 8101;

  /** The default of {@link #clockSkew}. */
  public static final Duration DEFAULT_CLOCK_SKEW = Duration.ofMillis(500);

  /** The default of {@link #blockQueueBytes}: {@value}. */
  public static final long DEFAULT_BLOCK_QUEUE_BYTES = 64L << 20;

  /** The default of {@link #comparisonQueueBytes}: {@value}. */
  public static final long DEFAULT_COMPARISON_QUEUE_BYTES = 32L << 20;

  private static final Duration MOST_CLOCK_SKEW = Duration.ofSeconds(60);
  private static final long LEAST_QUEUE_BYTES = 1L << 16;

  /** On loopback, at any free port, with the defaults. */
  public static ComparatorConfig local(Path state) {
    return new ComparatorConfig(
        HostPort.loopback(0),
        state,
        DEFAULT_CLOCK_SKEW,
        DEFAULT_BLOCK_QUEUE_BYTES,
        DEFAULT_COMPARISON_QUEUE_BYTES,
        null,
        null,
        null);
  }

  /** With another bound of the clock skew. */
  public ComparatorConfig withClockSkew(Duration value) {
    return new ComparatorConfig(
        listen, state, value, blockQueueBytes, comparisonQueueBytes, tls, token, routerToken);
  }

  /** With another address. */
  public ComparatorConfig withListen(HostPort value) {
    return new ComparatorConfig(
        value, state, clockSkew, blockQueueBytes, comparisonQueueBytes, tls, token, routerToken);
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
    Path state = root.path("state");
    Duration clockSkew = root.duration("clockSkew", DEFAULT_CLOCK_SKEW);
    if (clockSkew.isNegative() || clockSkew.compareTo(MOST_CLOCK_SKEW) > 0) {
      root.problem("clockSkew", clockSkew + " (expected: 0s to 60s)");
    }
    Tls tls = Tls.read(root.section("tls"));
    String token = Tokens.token(root, "tokenFile");
    ListenPolicy.check(root, "listen", listen, tls, token);
    Section queues = root.section("queues");
    return new ComparatorConfig(
        listen,
        state,
        clockSkew,
        queue(queues, "blocks", DEFAULT_BLOCK_QUEUE_BYTES),
        queue(queues, "comparisons", DEFAULT_COMPARISON_QUEUE_BYTES),
        tls,
        token,
        Tokens.token(root, "routerTokenFile", token));
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
