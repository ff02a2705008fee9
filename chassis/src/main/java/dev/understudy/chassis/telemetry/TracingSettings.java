package dev.understudy.chassis.telemetry;

import dev.understudy.chassis.config.Section;
import java.net.URI;
import org.jspecify.annotations.Nullable;

/**
 * Which calls are traced, and where their spans go.
 *
 * @param endpoint a collector's OTLP over HTTP, such as {@code http://127.0.0.1:4318}
 * @param sample share of the calls without a caller's decision that are traced, 0 to 1
 * @param mostPerSecond most traced calls per second, a caller's decisions included, 1 or more
 * @param queue spans that wait to be sent, 1 or more
 */
public record TracingSettings(String endpoint, double sample, int mostPerSecond, int queue) {
  /** The share that is traced unless something else is said. */
  public static final double DEFAULT_SAMPLE = 0.01;

  /** Traced calls per second unless something else is said. */
  public static final int DEFAULT_MOST_PER_SECOND = 1000;

  /** Spans that wait unless something else is said. */
  public static final int DEFAULT_QUEUE = 8192;

  /** Reads {@code tracing:}; null when no endpoint is named. */
  public static @Nullable TracingSettings read(Section section) {
    String endpoint = section.optionalString("endpoint");
    double sample = section.ratio("sample", DEFAULT_SAMPLE);
    int most = section.integer("mostPerSecond", DEFAULT_MOST_PER_SECOND, 1, 1_000_000);
    int queue = section.integer("queue", DEFAULT_QUEUE, 16, 1 << 20);
    if (endpoint == null) {
      if (!section.keys().isEmpty()) {
        section.problem("endpoint", "missing (expected: http://host:4318)");
      }
      return null;
    }
    String wrong = problem(endpoint);
    if (wrong != null) {
      section.problem("endpoint", wrong);
    }
    return new TracingSettings(endpoint, sample, most, queue);
  }

  /** What is wrong with an endpoint, or null. */
  public static @Nullable String problem(String endpoint) {
    String expected = "'" + endpoint + "' (expected: http://host:port or https://host:port)";
    try {
      URI uri = URI.create(endpoint);
      boolean http = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
      return http && uri.getHost() != null && uri.getUserInfo() == null ? null : expected;
    } catch (IllegalArgumentException e) {
      return expected;
    }
  }

  /** Where spans are posted: the endpoint itself when it has a path, else {@code /v1/traces}. */
  String url() {
    String path = URI.create(endpoint).getPath();
    if (path == null || path.isEmpty() || path.equals("/")) {
      return (endpoint.endsWith("/") ? endpoint : endpoint + "/") + "v1/traces";
    }
    return endpoint;
  }
}
