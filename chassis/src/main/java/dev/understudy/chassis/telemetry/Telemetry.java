package dev.understudy.chassis.telemetry;

import dev.understudy.chassis.config.HostPort;
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
 * <p>The metrics carry no inputs, outputs or names of callers, so the port asks for no token; bind
 * it to loopback or keep it inside the cluster.
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
   * @throws IOException if the address cannot be bound
   */
  public static Telemetry start(String serviceName, @Nullable HostPort metrics) throws IOException {
    if (metrics == null) {
      return noop();
    }
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
      server =
          HTTPServer.builder()
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
