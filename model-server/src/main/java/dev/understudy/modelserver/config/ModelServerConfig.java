package dev.understudy.modelserver.config;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.ServerOptions;
import dev.understudy.chassis.security.Tls;
import dev.understudy.chassis.security.Tokens;
import dev.understudy.chassis.telemetry.TracingSettings;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a model server is started with. The flags are Triton's where Triton has one; the withers
 * return a changed copy.
 *
 * @param repositories folders in Triton's layout, one or more
 * @param grpc where inference is served; port 0 takes any free one
 * @param metrics where Prometheus' page is served, or null for none
 * @param explicit whether models are loaded by request only
 * @param loadModels what an explicit server loads at start; {@code *} stands for all
 * @param exitTimeout how long a stopping server finishes requests
 * @param drainWindow how long it goes on accepting after it has said that it is not ready
 * @param strictReadiness whether readiness needs a ready version of every model
 * @param serverName as metadata and trailers name it
 * @param node as trailers name the machine, alike for servers that share it; empty: not at all
 * @param maxMessageBytes the largest request
 * @param token the bearer token that callers must present, or null
 * @param tls null for plaintext
 * @param tracing where spans go; null when nothing is traced
 */
public record ModelServerConfig(
    List<Path> repositories,
    HostPort grpc,
    @Nullable HostPort metrics,
    boolean explicit,
    List<String> loadModels,
    Duration exitTimeout,
    Duration drainWindow,
    boolean strictReadiness,
    String serverName,
    String node,
    int maxMessageBytes,
    @Nullable String token,
    @Nullable Tls tls,
    @Nullable TracingSettings tracing) {
  /** As long as a host name may be. */
  private static final int MAX_NODE_CHARS = 253;

  private static final String GPU = "this server runs on CPU";
  private static final String UNSUPPORTED = "a flag of Triton's that this server does not support";

  private static final Map<String, String> TRITON_ONLY =
      Map.ofEntries(
          Map.entry("--http-port", "this server speaks gRPC only; put a gateway in front for HTTP"),
          Map.entry("--http-address", "this server speaks gRPC only"),
          Map.entry("--http-thread-count", "this server speaks gRPC only"),
          Map.entry("--repository-poll-secs", "polling is not supported; use explicit loads"),
          Map.entry("--pinned-memory-pool-byte-size", GPU),
          Map.entry("--cuda-memory-pool-byte-size", GPU),
          Map.entry("--min-supported-compute-capability", GPU),
          Map.entry("--allow-gpu-metrics", GPU),
          Map.entry("--backend-directory", UNSUPPORTED),
          Map.entry("--backend-config", UNSUPPORTED),
          Map.entry("--repoagent-directory", UNSUPPORTED),
          Map.entry("--cache-config", UNSUPPORTED),
          Map.entry("--cache-directory", UNSUPPORTED),
          Map.entry("--response-cache-byte-size", UNSUPPORTED),
          Map.entry("--rate-limit", UNSUPPORTED),
          Map.entry("--rate-limit-resource", UNSUPPORTED),
          Map.entry("--trace-config", UNSUPPORTED),
          Map.entry("--trace-file", UNSUPPORTED),
          Map.entry("--trace-level", UNSUPPORTED),
          Map.entry("--trace-rate", UNSUPPORTED),
          Map.entry("--host-policy", UNSUPPORTED),
          Map.entry("--model-namespacing", UNSUPPORTED),
          Map.entry("--disable-auto-complete-config", UNSUPPORTED),
          Map.entry("--strict-model-config", UNSUPPORTED),
          Map.entry("--exit-on-error", "this server serves what it can; see RepositoryIndex"),
          Map.entry("--log-verbose", "use --log-level debug"),
          Map.entry("--log-info", "use --log-level"),
          Map.entry("--log-warning", "use --log-level"),
          Map.entry("--log-error", "use --log-level"),
          Map.entry("--grpc-use-ssl", "use --tls-cert and --tls-key"),
          Map.entry("--grpc-use-ssl-mutual", "use --tls-client-ca"),
          Map.entry("--grpc-server-cert", "use --tls-cert"),
          Map.entry("--grpc-server-key", "use --tls-key"),
          Map.entry("--grpc-root-cert", "use --tls-client-ca"),
          Map.entry("--grpc-restricted-protocol", "use --token-file or --tls-client-ca"),
          Map.entry("--grpc-infer-allocation-pool-size", UNSUPPORTED));

  /** Flags with a value. */
  private static final Set<String> KNOWN =
      Set.of(
          "--model-repository",
          "--model-store",
          "--grpc-port",
          "--grpc-address",
          "--metrics-port",
          "--metrics-address",
          "--allow-metrics",
          "--allow-grpc",
          "--allow-http",
          "--model-control-mode",
          "--load-model",
          "--exit-timeout-secs",
          "--drain-window-secs",
          "--strict-readiness",
          "--server-name",
          "--node",
          "--max-message-bytes",
          "--ready-file",
          "--log-level",
          "--token-file",
          "--tls-cert",
          "--tls-key",
          "--tls-client-ca",
          "--tracing-endpoint",
          "--tracing-sample");

  private static final Set<String> SWITCHES = Set.of("--check-config", "--help");

  /** Keeps its own copies. */
  public ModelServerConfig {
    repositories = List.copyOf(repositories);
    loadModels = List.copyOf(loadModels);
  }

  /** One repository on free ports of the loopback address, without a drain window. */
  public static ModelServerConfig local(Path repository) {
    return new ModelServerConfig(
        List.of(repository),
        HostPort.loopback(0),
        HostPort.loopback(0),
        false,
        List.of(),
        Duration.ofSeconds(30),
        Duration.ZERO,
        true,
        "understudy",
        hostName(),
        ServerOptions.MAX_MESSAGE_BYTES,
        null,
        null,
        null);
  }

  /**
   * Reads a command line.
   *
   * @throws dev.understudy.chassis.config.ConfigException with every problem
   */
  public static ModelServerConfig parse(String... words) {
    Flags flags = Flags.parse(List.of(words), KNOWN, SWITCHES, TRITON_ONLY);
    List<Path> repositories =
        Stream.concat(flags.all("--model-repository").stream(), flags.all("--model-store").stream())
            .map(Path::of)
            .toList();
    if (repositories.isEmpty()) {
      flags.problem("--model-repository is missing (expected: --model-repository DIR)");
    }
    for (Path repository : repositories) {
      if (!Files.isDirectory(repository)) {
        flags.problem("--model-repository: '" + repository + "' is not a folder");
      }
    }
    if (flags.flag("--allow-http", false)) {
      flags.problem("--allow-http: this server speaks gRPC only");
    }
    if (!flags.flag("--allow-grpc", true)) {
      flags.problem("--allow-grpc: false would leave nothing to serve");
    }
    HostPort metrics =
        address(flags, "--metrics-address", flags.integer("--metrics-port", 8002, 0, 65535));
    int exitSeconds = flags.integer("--exit-timeout-secs", 30, 0, 3600);
    var config =
        new ModelServerConfig(
            repositories,
            address(flags, "--grpc-address", flags.integer("--grpc-port", 8001, 0, 65535)),
            flags.flag("--allow-metrics", true) ? metrics : null,
            explicit(flags),
            flags.all("--load-model"),
            Duration.ofSeconds(exitSeconds),
            Duration.ofSeconds(
                flags.integer("--drain-window-secs", Math.min(2, exitSeconds), 0, 3600)),
            flags.flag("--strict-readiness", true),
            flags.text("--server-name", "understudy"),
            node(flags),
            flags.integer(
                "--max-message-bytes", ServerOptions.MAX_MESSAGE_BYTES, 1024, Integer.MAX_VALUE),
            token(flags),
            tls(flags),
            tracing(flags));
    if (!config.explicit && !config.loadModels.isEmpty()) {
      flags.problem("--load-model needs --model-control-mode=explicit");
    }
    flags.refuseProblems();
    return config;
  }

  /** The flags with a value, for whoever else reads the same command line. */
  public static Set<String> flags() {
    return KNOWN;
  }

  private static boolean explicit(Flags flags) {
    return switch (flags.text("--model-control-mode", "none")) {
      case "none" -> false;
      case "explicit" -> true;
      case "poll" -> {
        flags.problem(
            "--model-control-mode: poll is not supported, because a poll can see half of a copy"
                + " (expected: none or explicit)");
        yield false;
      }
      case String other -> {
        flags.problem("--model-control-mode: '" + other + "' (expected: none or explicit)");
        yield false;
      }
    };
  }

  private static HostPort address(Flags flags, String flag, int port) {
    try {
      return new HostPort(flags.text(flag, "127.0.0.1"), port);
    } catch (IllegalArgumentException e) {
      flags.problem(flag + ": " + e.getMessage());
      return HostPort.loopback(port);
    }
  }

  private static String node(Flags flags) {
    String name = flags.text("--node", hostName());
    if (name.length() > MAX_NODE_CHARS) {
      flags.problem(
          "--node: " + name.length() + " characters (expected: at most " + MAX_NODE_CHARS + ")");
    }
    return name;
  }

  /** As the machine calls itself; empty when it does not know. */
  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "";
    }
  }

  private static @Nullable String token(Flags flags) {
    String file = flags.last("--token-file");
    return file == null ? null : Tokens.read(Path.of(file));
  }

  private static @Nullable Tls tls(Flags flags) {
    String certificate = flags.last("--tls-cert");
    String key = flags.last("--tls-key");
    String clients = flags.last("--tls-client-ca");
    if (certificate == null && key == null && clients == null) {
      return null;
    }
    if (certificate == null || key == null) {
      flags.problem("--tls-cert and --tls-key go together");
      return null;
    }
    return new Tls(
        Path.of(certificate),
        Path.of(key),
        clients == null ? null : Path.of(clients),
        clients != null);
  }

  private static @Nullable TracingSettings tracing(Flags flags) {
    String endpoint = flags.last("--tracing-endpoint");
    String share = flags.text("--tracing-sample", "1%");
    double sample = TracingSettings.DEFAULT_SAMPLE;
    try {
      sample =
          share.endsWith("%")
              ? Double.parseDouble(share.substring(0, share.length() - 1)) / 100
              : Double.parseDouble(share);
    } catch (NumberFormatException e) {
      sample = Double.NaN;
    }
    if (!(sample >= 0 && sample <= 1)) {
      flags.problem("--tracing-sample: '" + share + "' (expected: a share such as 1% or 0.01)");
    }
    if (endpoint == null) {
      if (flags.last("--tracing-sample") != null) {
        flags.problem("--tracing-sample needs --tracing-endpoint");
      }
      return null;
    }
    String wrong = TracingSettings.problem(endpoint);
    if (wrong != null) {
      flags.problem("--tracing-endpoint: " + wrong);
    }
    return new TracingSettings(
        endpoint, sample, TracingSettings.DEFAULT_MOST_PER_SECOND, TracingSettings.DEFAULT_QUEUE);
  }

  /** The help text. */
  public static String usage() {
    return """
    Serves ONNX models by the Open Inference Protocol over gRPC.

    model-server --model-repository DIR [flags]      (--flag value or --flag=value)

      --model-repository DIR      <DIR>/<model>/<version>/model.onnx; may be repeated
      --grpc-port N               port of inference [8001]; 0: any free one
      --grpc-address HOST         its address [127.0.0.1]; off loopback TLS or a token is needed
      --metrics-port N            port of /metrics for Prometheus [8002]; 0: any free one
      --metrics-address HOST      its address [127.0.0.1]; off loopback a token is needed
      --allow-metrics BOOL        whether to serve it [true]
      --model-control-mode MODE   none: load everything at start; explicit: by request [none]
      --load-model NAME           loaded at start in explicit mode; may be repeated; *: all
      --strict-readiness BOOL     ready only when every model has a ready version [true]
      --server-name NAME          as metadata and trailers name this server [understudy]
      --node NAME                 as answers name the machine [the host name]
      --max-message-bytes N       the largest request [67108864]
      --drain-window-secs N       on SIGTERM: not ready, but still serving [2]
      --exit-timeout-secs N       then: time to finish what is under way [30]
      --token-file FILE           callers must present this bearer token
      --tls-cert FILE --tls-key FILE
      --tls-client-ca FILE        clients must present a certificate of this authority
      --tracing-endpoint URL      OpenTelemetry collector that spans go to, http://HOST:4318
      --tracing-sample SHARE      of the calls whose caller has not decided [1%]
      --ready-file FILE           written when ready: {"grpc":PORT,"metrics":PORT,"pid":PID}
      --log-level LEVEL           error, warn, info, debug or trace [info]
      --check-config              only check the flags
    """;
  }

  /** With another choice between loading everything and loading by request. */
  public ModelServerConfig withExplicit(String... models) {
    return new ModelServerConfig(
        repositories,
        grpc,
        metrics,
        true,
        List.of(models),
        exitTimeout,
        drainWindow,
        strictReadiness,
        serverName,
        node,
        maxMessageBytes,
        token,
        tls,
        tracing);
  }

  /** With other times for the stop. */
  public ModelServerConfig withStop(Duration window, Duration timeout) {
    return new ModelServerConfig(
        repositories,
        grpc,
        metrics,
        explicit,
        loadModels,
        timeout,
        window,
        strictReadiness,
        serverName,
        node,
        maxMessageBytes,
        token,
        tls,
        tracing);
  }

  /** With another port for inference. */
  public ModelServerConfig withGrpc(HostPort address) {
    return new ModelServerConfig(
        repositories,
        address,
        metrics,
        explicit,
        loadModels,
        exitTimeout,
        drainWindow,
        strictReadiness,
        serverName,
        node,
        maxMessageBytes,
        token,
        tls,
        tracing);
  }

  /** With another name. */
  public ModelServerConfig withServerName(String name) {
    return new ModelServerConfig(
        repositories,
        grpc,
        metrics,
        explicit,
        loadModels,
        exitTimeout,
        drainWindow,
        strictReadiness,
        name,
        node,
        maxMessageBytes,
        token,
        tls,
        tracing);
  }

  /** With another name for the machine. */
  public ModelServerConfig withNode(String name) {
    return new ModelServerConfig(
        repositories,
        grpc,
        metrics,
        explicit,
        loadModels,
        exitTimeout,
        drainWindow,
        strictReadiness,
        serverName,
        name,
        maxMessageBytes,
        token,
        tls,
        tracing);
  }

  /** With traces. */
  public ModelServerConfig withTracing(TracingSettings settings) {
    return new ModelServerConfig(
        repositories,
        grpc,
        metrics,
        explicit,
        loadModels,
        exitTimeout,
        drainWindow,
        strictReadiness,
        serverName,
        node,
        maxMessageBytes,
        token,
        tls,
        settings);
  }

  /** With a bearer token. */
  public ModelServerConfig withToken(String value) {
    return new ModelServerConfig(
        repositories,
        grpc,
        metrics,
        explicit,
        loadModels,
        exitTimeout,
        drainWindow,
        strictReadiness,
        serverName,
        node,
        maxMessageBytes,
        value,
        tls,
        tracing);
  }

  @Override
  public String toString() {
    // Without the token.
    return "ModelServerConfig[repositories="
        + repositories
        + ", grpc="
        + grpc
        + ", metrics="
        + metrics
        + ", explicit="
        + explicit
        + ", tls="
        + (tls != null)
        + "]";
  }
}
