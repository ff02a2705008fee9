package dev.understudy.chassis.connection;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.metrics.ObservableLongMeasurement;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/** What Prometheus reads about a listener's connections. */
public final class ConnectionMetrics {
  private static final AttributeKey<String> REASON = AttributeKey.stringKey("reason");

  private ConnectionMetrics() {}

  /** Makes the instruments; every reason is exported from the start, with 0. */
  public static void register(Meter meter, ConnectionGuards guards) {
    gauge(meter, "understudy.connections.open", "Connections that are open", guards::open);
    gauge(
        meter,
        "understudy.connections.unfinished.bytes",
        "Bytes held of messages whose end has not come",
        guards::unfinishedBytes);
    counter(
        meter,
        "understudy.connection.refusals",
        "Connections and streams ended by this side, by reason",
        counter -> {
          for (ConnectionRefusal refusal : ConnectionRefusal.values()) {
            counter.record(guards.refused(refusal), Attributes.of(REASON, refusal.label()));
          }
        });
  }

  private static void gauge(Meter meter, String name, String text, LongSupplier value) {
    var _ =
        meter
            .gaugeBuilder(name)
            .ofLongs()
            .setDescription(text)
            .buildWithCallback(gauge -> gauge.record(value.getAsLong()));
  }

  private static void counter(
      Meter meter, String name, String text, Consumer<ObservableLongMeasurement> values) {
    var _ = meter.counterBuilder(name).setDescription(text).buildWithCallback(values);
  }
}
