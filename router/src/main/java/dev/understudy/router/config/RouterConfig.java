package dev.understudy.router.config;

import dev.understudy.chassis.config.ConfigFile;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.config.Section;
import dev.understudy.chassis.security.ListenPolicy;
import dev.understudy.chassis.security.Tls;
import dev.understudy.chassis.security.Tokens;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.admission.Quota;
import dev.understudy.router.upstream.BreakerSettings;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A router's configuration. Exactly one of {@code controller} and {@code table} is there.
 *
 * @param name the router's name in evidence, lineage and metrics
 * @param listen the inference protocol
 * @param admin the router's own administration
 * @param metrics Prometheus; null for none
 * @param state folder of the last table; null for none
 * @param controller whose table is watched
 * @param table a static table
 * @param evidence where blocks and comparisons go; null for nowhere
 * @param collector where lineage, payloads and histograms go; null for nowhere
 * @param serverName what {@code ServerMetadata} says; some client programs expect "triton"
 * @param keys API keys; null lets everybody in
 * @param limits bounds on what callers may ask for
 * @param upstream how backends are treated
 * @param mirror bounds on copies
 * @param queues bounds on what waits for its receiver
 * @param histogramInterval how often stage histograms are sent
 * @param drain how long calls under way may take at the end
 * @param lameDuck how long the router goes on serving after it says that it will not
 * @param tls for listening; null for plaintext
 * @param token callers of {@code admin} and readers of {@code metrics} present it
 * @param peers how controller, comparator and collector are called
 * @param loops event loops for clients and backends
 * @param warmUp how long a process calls itself before it serves; zero for not at all
 */
public record RouterConfig(
    String name,
    HostPort listen,
    HostPort admin,
    @Nullable HostPort metrics,
    @Nullable Path state,
    @Nullable HostPort controller,
    @Nullable RoutingTable table,
    @Nullable HostPort evidence,
    @Nullable HostPort collector,
    String serverName,
    @Nullable Keys keys,
    Limits limits,
    Backends upstream,
    Mirroring mirror,
    Queues queues,
    Duration histogramInterval,
    Duration drain,
    Duration lameDuck,
    @Nullable Tls tls,
    @Nullable String token,
    Peers peers,
    int loops,
    Duration warmUp) {
  private static final long MIB = 1 << 20;
  private static final String TLS_OR_KEYS =
      "tls.certificate and tls.key, or auth.keys and auth.secret";

  /**
   * Who may call.
   *
   * @param file lines {@code principal: hmac}
   * @param secretFile the HMAC's secret
   * @param testers principals that may choose an arm by header
   */
  public record Keys(Path file, Path secretFile, List<String> testers) {}

  /**
   * Bounds on callers.
   *
   * @param quota for every principal; null for none
   * @param quotas for principals by name
   * @param concurrentCalls calls in flight
   * @param bytesInFlight bytes of requests in flight
   * @param messageBytes the largest message
   */
  public record Limits(
      @Nullable Quota quota,
      Map<String, Quota> quotas,
      int concurrentCalls,
      long bytesInFlight,
      int messageBytes) {}

  /**
   * How backends are treated.
   *
   * @param tryTimeout the longest attempt, when the table does not say
   * @param failoverBp share of a failing arm's calls that may be rescued, in 1/10000
   * @param failoverBurst rescues that are allowed at once
   * @param tls for connections to backends; null for plaintext
   * @param token what backends are presented; null for nothing
   */
  public record Backends(
      Duration tryTimeout,
      int failoverBp,
      int failoverBurst,
      BreakerSettings breaker,
      @Nullable Tls tls,
      @Nullable String token) {
    @Override
    public String toString() {
      // Without the token.
      return "Backends[tryTimeout="
          + tryTimeout
          + ", failoverBp="
          + failoverBp
          + ", tls="
          + (tls != null)
          + ", token="
          + (token != null)
          + "]";
    }
  }

  /**
   * How controller, comparator and collector are called.
   *
   * @param tls null for plaintext
   * @param token what the router presents to them; null for nothing
   */
  public record Peers(@Nullable Tls tls, @Nullable String token) {
    @Override
    public String toString() {
      // Without the token.
      return "Peers[tls=" + (tls != null) + ", token=" + (token != null) + "]";
    }
  }

  /**
   * Bounds on copies.
   *
   * @param copies in flight
   * @param bytes of requests held for copies
   * @param timeout the longest copy, when the table does not say
   */
  public record Mirroring(int copies, long bytes, Duration timeout) {}

  /**
   * Bounds on what waits.
   *
   * @param blocks evidence blocks that nobody has acknowledged
   * @param blockBytes their bytes
   * @param lineageRecords lineage records that nobody has acknowledged
   * @param comparisonBytes bytes of comparisons to be sent
   * @param payloadBytes bytes of payloads to be sent
   */
  public record Queues(
      int blocks, long blockBytes, int lineageRecords, long comparisonBytes, long payloadBytes) {}

  /** Reads a file. */
  public static RouterConfig read(Path file) {
    return ConfigFile.read(file, RouterConfig::of);
  }

  /** Reads a text; relative paths start at the working folder. */
  public static RouterConfig parse(String name, String text) {
    return ConfigFile.parse(name, text, RouterConfig::of);
  }

  private static RouterConfig of(Section root) {
    HostPort controller = root.optionalAddress("controller");
    boolean hasModels = root.has("models");
    if (hasModels == (controller != null)) {
      root.problem(
          hasModels ? "models" : "controller",
          "expected exactly one of controller: host:port and models:");
    }
    RoutingTable table = hasModels ? StaticTable.read(root.namedSections("models")) : null;
    HostPort listen = root.address("listen", HostPort.loopback(8001));
    HostPort admin = root.address("admin", HostPort.loopback(8091));
    Tls tls = Tls.read(root.section("tls"));
    String token = Tokens.token(root, "tokenFile");
    HostPort metrics = root.optionalAddress("metrics");
    Keys keys = keys(root.section("auth"));
    boolean isListenProtected = tls != null || keys != null;
    ListenPolicy.check(root, "listen", listen, isListenProtected, TLS_OR_KEYS);
    ListenPolicy.check(root, "admin", admin, tls, token);
    if (metrics != null) {
      ListenPolicy.check(root, "metrics", metrics, token != null, "tokenFile");
    }
    Section peers = root.section("peers");
    return new RouterConfig(
        root.string("name", hostName()),
        listen,
        admin,
        metrics,
        root.optionalPath("state"),
        controller,
        table,
        root.optionalAddress("evidence"),
        root.optionalAddress("collector"),
        root.string("serverName", "understudy"),
        keys,
        limits(root.section("limits")),
        upstream(root.section("upstream")),
        mirror(root.section("mirror")),
        queues(root.section("queues")),
        root.duration("histogramInterval", Duration.ofSeconds(10)),
        root.duration("drain", Duration.ofSeconds(20)),
        root.duration("lameDuck", Duration.ofSeconds(2)),
        tls,
        token,
        new Peers(Tls.read(peers.section("tls")), Tokens.token(peers, "tokenFile")),
        root.integer(
            "eventLoops", Math.clamp(Runtime.getRuntime().availableProcessors(), 1, 16), 1, 256),
        root.duration("warmUp", Duration.ofMillis(400)));
  }

  private static @Nullable Keys keys(Section auth) {
    Path file = auth.optionalPath("keys");
    Path secret = auth.optionalPath("secret");
    List<String> testers = auth.strings("testers");
    if (file == null || secret == null) {
      if (file != null || secret != null) {
        auth.problem(file == null ? "keys" : "secret", "missing (expected: keys and secret)");
      }
      return null;
    }
    return new Keys(file, secret, testers);
  }

  private static Limits limits(Section section) {
    Map<String, Quota> quotas = new LinkedHashMap<>();
    section
        .namedSections("principals")
        .forEach((name, quota) -> {
          Quota special = quota(quota);
          if (special == null) {
            quota.problem("requestsPerSecond", "missing");
          } else {
            quotas.put(name, special);
          }
        });
    return new Limits(
        quota(section),
        quotas,
        section.integer("concurrentCalls", 4096, 1, 1_000_000),
        section.bytes("bytesInFlight", 512 * MIB),
        (int) Math.min(Integer.MAX_VALUE, section.bytes("messageBytes", 64 * MIB)));
  }

  private static @Nullable Quota quota(Section section) {
    if (!section.has("requestsPerSecond")) {
      return null;
    }
    double rate = section.real("requestsPerSecond", 1, 1e-3, 1e9);
    int burst = section.integer("burst", (int) Math.clamp(Math.ceil(rate), 1, 1e6), 1, 100_000_000);
    return new Quota(rate, burst);
  }

  private static Backends upstream(Section section) {
    Section breaker = section.section("breaker");
    BreakerSettings standard = BreakerSettings.DEFAULT;
    return new Backends(
        section.duration("tryTimeout", Duration.ofSeconds(5)),
        (int) Math.round(section.ratio("failover", 0.2) * 10_000),
        section.integer("failoverBurst", 256, 1, 1_000_000),
        new BreakerSettings(
            breaker.integer("window", standard.window(), 1, 10_000),
            breaker.integer("minimumCalls", standard.minimumCalls(), 1, 10_000),
            breaker.ratio("failureRate", standard.failureRate()),
            breaker.duration("openFor", standard.openFor()),
            breaker.integer("probes", standard.probes(), 1, 1_000)),
        Tls.read(section.section("tls")),
        Tokens.token(section, "tokenFile"));
  }

  private static Mirroring mirror(Section section) {
    return new Mirroring(
        section.integer("copies", 256, 1, 1_000_000),
        section.bytes("bytes", 64 * MIB),
        section.duration("timeout", Duration.ofSeconds(5)));
  }

  private static Queues queues(Section section) {
    return new Queues(
        section.integer("evidenceBlocks", 900, 1, 1_000_000),
        section.bytes("evidenceBytes", 64 * MIB),
        section.integer("lineageRecords", 65_536, 1, 100_000_000),
        section.bytes("comparisons", 16 * MIB),
        section.bytes("payloads", 16 * MIB));
  }

  @Override
  public String toString() {
    // Without the token.
    return "RouterConfig[name="
        + name
        + ", listen="
        + listen
        + ", admin="
        + admin
        + ", controller="
        + controller
        + "]";
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "router";
    }
  }
}
