package dev.understudy.router.stack;

import dev.understudy.chassis.telemetry.Tracing;
import dev.understudy.proto.v1.Role;
import dev.understudy.router.accesslog.AccessLog;
import dev.understudy.router.admission.Admission;
import dev.understudy.router.mirror.Mirror;
import dev.understudy.router.patterns.Pattern;
import dev.understudy.router.patterns.Patterns;
import dev.understudy.router.record.BlockRing;
import dev.understudy.router.record.Lineage;
import dev.understudy.router.record.RequestCounts;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.metrics.ObservableLongMeasurement;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/** What Prometheus reads about the router itself: what is in flight, what waits, what was lost. */
public record RouterGauges(
    Admission admission,
    Mirror mirror,
    Onlookers onlookers,
    BlockRing blocks,
    Lineage lineage,
    LongSupplier comparisonsDropped,
    LongSupplier payloadsDropped,
    BooleanSupplier leaseExpired,
    RequestCounts requests,
    LongSupplier drillErrors,
    LongSupplier drillDelays) {
  private static final AttributeKey<String> MODEL = AttributeKey.stringKey("model");
  private static final AttributeKey<String> ROLE = AttributeKey.stringKey("role");
  private static final AttributeKey<String> PATTERN = AttributeKey.stringKey("pattern");
  private static final AttributeKey<String> STATUS = AttributeKey.stringKey("status");

  /** Makes the instruments. */
  public void register(Meter meter) {
    gauge(meter, "router.calls.in_flight", "Calls in flight", () -> admission.calls().used());
    gauge(
        meter, "router.bytes.in_flight", "Request bytes in flight", () -> admission.bytes().used());
    gauge(meter, "router.copies.in_flight", "Mirrored copies in flight", mirror.copies()::used);
    gauge(meter, "router.copies.bytes", "Bytes held for copies", mirror.bytes()::used);
    gauge(
        meter,
        "router.evidence.unacknowledged",
        "Evidence blocks that wait for the comparator",
        blocks::unacknowledged);
    gauge(meter, "router.lineage.waiting", "Lineage records that wait", lineage::reserved);
    gauge(
        meter,
        "router.lease.expired",
        "1 when canary shares fell back to the champion",
        () -> leaseExpired.getAsBoolean() ? 1 : 0);
    counter(meter, "router.calls.refused", "Calls over the limit", admission.calls()::refused);
    counter(meter, "router.bytes.refused", "Calls over the budget", admission.bytes()::refused);
    counter(meter, "router.copies.dropped", "Copies without a place", mirror.copies()::refused);
    counter(meter, "router.copies.bytes.refused", "Bytes without room", mirror.bytes()::refused);
    counter(meter, "router.copies.capped", "Calls over a mirror's rate", mirror::capped);
    counter(meter, "router.copies.uncompared", "Answers let go", mirror::uncompared);
    counter(meter, "router.evidence.lost", "Evidence blocks overrun", blocks::overrun);
    counter(meter, "router.lineage.dropped", "Calls without a lineage record", lineage::dropped);
    counter(meter, "router.comparisons.dropped", "Comparisons lost", comparisonsDropped);
    counter(meter, "router.payloads.dropped", "Payloads lost", payloadsDropped);
    counter(meter, "router.drill.errors", "Answers replaced by a drill's error", drillErrors);
    counter(meter, "router.drill.delays", "Answers held back by a drill", drillDelays);
    onlookers(meter);
    counter(
        meter,
        "router.requests",
        "Calls by model, answering arm and status",
        counter ->
            requests.read((model, role, status, calls) ->
                counter.record(calls, labels(model, role, status))));
  }

  private void onlookers(Meter meter) {
    Tracing traces = onlookers.tracing();
    if (traces != null) {
      gauge(meter, "router.spans.waiting", "Spans that wait to be sent", traces::waiting);
      counter(meter, "router.spans.sent", "Spans that the collector took", traces::sent);
      counter(meter, "router.spans.failed", "Spans that it did not take", traces::failed);
      counter(meter, "router.spans.dropped", "Spans that found no room", traces::dropped);
      counter(meter, "router.traces.capped", "Calls over the bound of traces", traces::capped);
    }
    AccessLog log = onlookers.accessLog();
    if (log != null) {
      counter(meter, "router.access.log.written", "Lines written", log::written);
      counter(meter, "router.access.log.failed", "Lines that could not be", log::failed);
      counter(meter, "router.access.log.dropped", "Lines that found no room", log::dropped);
    }
    Patterns patterns = onlookers.patterns();
    if (patterns != null) {
      counter(
          meter,
          "router.patterns.suspicions",
          "Callers that became suspicious",
          counter -> {
            for (Pattern pattern : Pattern.values()) {
              counter.record(patterns.suspicions(pattern), Attributes.of(PATTERN, pattern.flag()));
            }
          });
      counter(meter, "router.patterns.throttled", "Calls held back", patterns::throttled);
      counter(meter, "router.patterns.evicted", "Callers forgotten", patterns::evicted);
      counter(meter, "router.patterns.untracked", "Calls without a place", patterns::untracked);
    }
  }

  private static Attributes labels(String model, Role role, String status) {
    return Attributes.of(MODEL, model, ROLE, role.name().toLowerCase(Locale.ROOT), STATUS, status);
  }

  private static void gauge(Meter meter, String name, String text, LongSupplier value) {
    var _ =
        meter
            .gaugeBuilder(name)
            .ofLongs()
            .setDescription(text)
            .buildWithCallback(gauge -> gauge.record(value.getAsLong()));
  }

  private static void counter(Meter meter, String name, String text, LongSupplier value) {
    counter(meter, name, text, counter -> counter.record(value.getAsLong()));
  }

  private static void counter(
      Meter meter, String name, String text, Consumer<ObservableLongMeasurement> values) {
    var _ = meter.counterBuilder(name).setDescription(text).buildWithCallback(values);
  }
}
