package dev.understudy.collector;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.ConfigFile;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.config.Section;
import dev.understudy.chassis.security.ListenPolicy;
import dev.understudy.chassis.security.Tls;
import dev.understudy.chassis.security.Tokens;
import dev.understudy.collector.predictions.Retention;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of the collector.
 *
 * @param listen where gRPC is served
 * @param http where the page is served
 * @param state the folder of all that is stored; it is made if it is not there
 * @param evidence the comparator, to which labelled predictions go; null for none
 * @param controller the controller, whose rollouts the page shows; null for none
 * @param retention how much is kept
 * @param copyWait how long an outcome waits for a shadow's answer after the answer itself
 * @param queueBytes of messages that wait to be stored
 * @param tls of the gRPC port; null for plaintext
 * @param token that callers of both ports must present; null for none
 * @param routerToken that routers may present instead, to the intake of what they send only; null
 *     for none
 * @param peerTls towards comparator and controller; null for plaintext
 * @param peerToken presented to comparator and controller; null for none
 */
public record CollectorConfig(
    HostPort listen,
    HostPort http,
    Path state,
    @Nullable HostPort evidence,
    @Nullable HostPort controller,
    Retention retention,
    Duration copyWait,
    long queueBytes,
    @Nullable Tls tls,
    @Nullable String token,
    @Nullable String routerToken,
    @Nullable Tls peerTls,
    @Nullable String peerToken) {
  private static final HostPort LISTEN = HostPort.loopback(8102);
  private static final HostPort HTTP = HostPort.loopback(8080);
  private static final Duration COPY_WAIT = Duration.ofSeconds(2);
  private static final long QUEUE_BYTES = 32L << 20;

  /** A collector on free loopback ports with the defaults; without peers. */
  public static CollectorConfig local(Path state) {
    return new CollectorConfig(
        HostPort.loopback(0),
        HostPort.loopback(0),
        state,
        null,
        null,
        Retention.DEFAULT,
        COPY_WAIT,
        QUEUE_BYTES,
        null,
        null,
        null,
        null,
        null);
  }

  /** The same with peers. */
  public CollectorConfig withPeers(@Nullable HostPort evidence, @Nullable HostPort controller) {
    return new CollectorConfig(
        listen,
        http,
        state,
        evidence,
        controller,
        retention,
        copyWait,
        queueBytes,
        tls,
        token,
        routerToken,
        peerTls,
        peerToken);
  }

  /** The same with other ports. */
  public CollectorConfig withPorts(HostPort listen, HostPort http) {
    return new CollectorConfig(
        listen,
        http,
        state,
        evidence,
        controller,
        retention,
        copyWait,
        queueBytes,
        tls,
        token,
        routerToken,
        peerTls,
        peerToken);
  }

  /** The same with other bounds. */
  public CollectorConfig withRetention(Retention retention, Duration copyWait) {
    return new CollectorConfig(
        listen,
        http,
        state,
        evidence,
        controller,
        retention,
        copyWait,
        queueBytes,
        tls,
        token,
        routerToken,
        peerTls,
        peerToken);
  }

  /**
   * Reads a file.
   *
   * @throws ConfigException with all problems at once
   */
  public static CollectorConfig read(Path file) {
    return ConfigFile.read(file, CollectorConfig::read);
  }

  /** Reads the root of a file, or a section of a larger one. */
  public static CollectorConfig read(Section section) {
    Section kept = section.section("retention");
    Retention defaults = Retention.DEFAULT;
    Retention retention =
        new Retention(
            kept.bytes("bytes", defaults.maxBytes()),
            kept.duration("age", defaults.maxAge()),
            kept.bytes("segment", defaults.segmentBytes()),
            kept.longInteger("outcomes", defaults.maxOutcomes(), 1, Long.MAX_VALUE),
            kept.longInteger("waitingOutcomes", defaults.maxWaiting(), 1, Long.MAX_VALUE));
    Section peers = section.section("peers");
    HostPort listen = section.address("listen", LISTEN);
    HostPort http = section.address("http", HTTP);
    Tls tls = Tls.read(section.section("tls"));
    String token = Tokens.token(section, "tokenFile");
    ListenPolicy.check(section, "listen", listen, tls, token);
    ListenPolicy.check(section, "http", http, token != null, "tokenFile");
    return new CollectorConfig(
        listen,
        http,
        section.path("state"),
        section.optionalAddress("evidence"),
        section.optionalAddress("controller"),
        retention,
        section.duration("copyWait", COPY_WAIT),
        section.bytes("queue", QUEUE_BYTES),
        tls,
        token,
        Tokens.token(section, "routerTokenFile", token),
        Tls.read(peers.section("tls")),
        Tokens.token(peers, "tokenFile"));
  }

  @Override
  public String toString() {
    // Without the tokens.
    return "CollectorConfig[listen=" + listen + ", http=" + http + ", state=" + state + "]";
  }
}
