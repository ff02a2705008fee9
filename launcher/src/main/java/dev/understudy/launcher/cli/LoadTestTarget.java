package dev.understudy.launcher.cli;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.config.Units;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.security.Tls;
import dev.understudy.loadtest.drive.Mix;
import dev.understudy.loadtest.wire.Target;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where a load test sends, and as whom. */
final class LoadTestTarget {
  @Option(
      names = "--target",
      paramLabel = "HOST:PORT",
      defaultValue = "${env:UNDERSTUDY_TARGET:-127.0.0.1:8001}",
      description = "Where to send (default: ${DEFAULT-VALUE}).")
  String target;

  @Option(
      names = "--compare",
      paramLabel = "A,B",
      description = "Two targets that take turns; the report says what B adds to A.")
  @Nullable String compare;

  @Option(
      names = "--connections",
      defaultValue = "1",
      description = "Connections to each target; calls take turns (default: ${DEFAULT-VALUE}).")
  int connections;

  @Option(
      names = "--timeout",
      defaultValue = "5s",
      description = "Deadline of each call (default: ${DEFAULT-VALUE}).")
  String timeout;

  @Option(names = "--tls", description = "Use TLS and trust what the JDK trusts.")
  boolean tls;

  @Option(
      names = "--tls-ca",
      paramLabel = "FILE",
      description = "Use TLS and trust these certificates.")
  @Nullable Path tlsCa;

  @Option(
      names = "--tls-certificate",
      paramLabel = "FILE",
      description = "Own certificate, for servers that ask for one; with --tls-key.")
  @Nullable Path tlsCertificate;

  @Option(names = "--tls-key", paramLabel = "FILE", description = "Its key, PKCS#8.")
  @Nullable Path tlsKey;

  @Option(
      names = "--api-key",
      defaultValue = "${env:UNDERSTUDY_API_KEY:-}",
      description = "API key for a router that asks for one.")
  String apiKey;

  @Option(
      names = "--principals",
      paramLabel = "FILE",
      description = "Many principals: one API key per line, with ',WEIGHT' if they differ.")
  @Nullable Path principals;

  @Option(
      names = "--principal-zipf",
      paramLabel = "S",
      description = "Weigh the principals as 1/rank^S instead: a few ask often, many seldom.")
  @Nullable Double principalZipf;

  private final List<String> tokens = new ArrayList<>();
  private double[] weights = {1};

  /**
   * Reads the principals.
   *
   * @throws IllegalArgumentException if what was given does not fit together
   */
  List<Target> targets() throws IOException {
    readPrincipals();
    List<Target> targets = new ArrayList<>();
    for (String each : compare == null ? List.of(target) : Arrays.asList(compare.split(",", -1))) {
      targets.add(
          new Target(
              HostPort.parse(each.strip()),
              security(),
              connections,
              Units.duration(timeout),
              tokens));
    }
    return targets;
  }

  /** After {@link #targets}: a weight for each principal. */
  double[] principalWeights() {
    return weights;
  }

  /** After {@link #targets}: how the first target is asked for metadata. */
  ChannelOptions channel() {
    String first = tokens.getFirst();
    return ChannelOptions.plaintext().withTls(security()).withToken(first.isEmpty() ? null : first);
  }

  private @Nullable Tls security() {
    return tls || tlsCa != null || tlsCertificate != null
        ? new Tls(tlsCertificate, tlsKey, tlsCa, false)
        : null;
  }

  private void readPrincipals() throws IOException {
    tokens.clear();
    if (principals == null) {
      if (principalZipf != null) {
        throw new IllegalArgumentException("--principal-zipf (expected: with --principals FILE)");
      }
      tokens.add(apiKey);
      return;
    }
    List<Double> read = new ArrayList<>();
    int line = 0;
    for (String text : Files.readAllLines(principals)) {
      line++;
      if (text.isBlank() || text.startsWith("#")) {
        continue;
      }
      int comma = text.indexOf(',');
      double weight;
      try {
        weight = comma < 0 ? 1 : Double.parseDouble(text.substring(comma + 1).strip());
      } catch (NumberFormatException e) {
        weight = Double.NaN;
      }
      if (!(weight > 0) || Double.isInfinite(weight)) {
        // Without the line itself, which holds a key.
        throw new IllegalArgumentException(
            principals + ":" + line + ": weight (expected: KEY or KEY,WEIGHT with a weight > 0)");
      }
      tokens.add((comma < 0 ? text : text.substring(0, comma)).strip());
      read.add(weight);
    }
    if (tokens.isEmpty()) {
      throw new IllegalArgumentException(principals + ": no keys (expected: one per line)");
    }
    weights =
        principalZipf == null
            ? read.stream().mapToDouble(Double::doubleValue).toArray()
            : Mix.zipf(tokens.size(), principalZipf);
  }
}
