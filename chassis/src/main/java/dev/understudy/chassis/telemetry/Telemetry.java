package dev.understudy.chassis.telemetry;

import com.sun.net.httpserver.Authenticator;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpPrincipal;
import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.security.ListenPolicy;
import dev.understudy.chassis.security.TokenAuth;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.metrics.MeterProvider;
import io.opentelemetry.exporter.prometheus.PrometheusMetricReader;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.resources.Resource;
import io.prometheus.metrics.exporter.httpserver.HTTPServer;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * The metrics of one service. They are made with OpenTelemetry and read by Prometheus at {@code
 * /metrics}, where names get their units and counters {@code _total}: {@code
 * router.request.duration} in {@code s} becomes {@code router_request_duration_seconds}. The JVM's
 * own are always among them.
 *
 * <p>The metrics carry no inputs, outputs or names of callers. With a token the port asks for it as
 * {@code authorization: Bearer TOKEN}, which Prometheus can send; off loopback it must have one.
 *
 * <p>Safe for use by any thread.
 */
public final class Telemetry implements AutoCloseable {
  private final Meter meter;
  private final @Nullable SdkMeterProvider provider;
  private final @Nullable HTTPServer server;

  private Telemetry(Meter meter, @Nullable SdkMeterProvider provider, @Nullable HTTPServer server) {
    this.meter = meter;
    this.provider = provider;
    this.server = server;
  }

  /** Metrics that go nowhere. */
  public static Telemetry noop() {
    return new Telemetry(MeterProvider.noop().get("dev.understudy"), null, null);
  }

  /**
   * Collects the metrics of a service and serves them.
   *
   * @param serviceName such as {@code understudy-router}
   * @param metrics where Prometheus reads them, port 0 for any free one; null to serve them nowhere
   * @param token that readers must present; null for none
   * @throws ConfigException if the address is not loopback and there is no token
   * @throws IOException if the address cannot be bound
   */
  public static Telemetry start(
      String serviceName, @Nullable HostPort metrics, @Nullable String token) throws IOException {
    if (metrics == null) {
      return noop();
    }
    ListenPolicy.check(metrics, token != null, "tokenFile");
    PrometheusMetricReader reader =
        PrometheusMetricReader.builder().setOtelScopeLabelsEnabled(false).build();
    var provider =
        SdkMeterProvider.builder()
            .setResource(
                Resource.getDefault().toBuilder()
                    .put(AttributeKey.stringKey("service.name"), serviceName)
                    .build())
            .registerMetricReader(reader)
            .build();
    var registry = new PrometheusRegistry();
    registry.register(reader);
    HTTPServer server;
    try {
      var builder = HTTPServer.builder();
      if (token != null) {
        builder.authenticator(new Bearer(new TokenAuth(token)));
      }
      server =
          builder
              .hostname(metrics.host())
              .port(metrics.port())
              .registry(registry)
              .executorService(
                  Executors.newFixedThreadPool(
                      2, Thread.ofPlatform().daemon().name("metrics-", 0).factory()))
              .buildAndStart();
    } catch (IOException e) {
      provider.close();
      throw new IOException(metrics + ": cannot serve metrics: " + e.getMessage(), e);
    }
    Meter meter = provider.get("dev.understudy");
    JvmMetrics.register(meter);
    return new Telemetry(meter, provider, server);
  }

  private static final class Bearer extends Authenticator {
    private final TokenAuth auth;

    Bearer(TokenAuth auth) {
      this.auth = auth;
    }

    @Override
    public Result authenticate(HttpExchange exchange) {
      if (auth.accepts(exchange.getRequestHeaders().getFirst("Authorization"))) {
        return new Success(new HttpPrincipal("bearer", "metrics"));
      }
      exchange.getResponseHeaders().set("WWW-Authenticate", "Bearer");
      return new Failure(401);
    }
  }

  /** Makes instruments. Their names are in the service's namespace, with base units. */
  public Meter meter() {
    return meter;
  }

  /** The port that Prometheus reads, or -1 if there is none. */
  public int port() {
    return server == null ? -1 : server.getPort();
  }

  @Override
  public void close() {
    if (server != null) {
      server.close();
    }
    if (provider != null) {
      provider.close();
    }
  }
}
