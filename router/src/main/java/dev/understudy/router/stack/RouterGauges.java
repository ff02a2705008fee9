package dev.understudy.router.stack;

import dev.understudy.proto.v1.Role;
import dev.understudy.router.admission.Admission;
import dev.understudy.router.call.Budget;
import dev.understudy.router.record.BlockRing;
import dev.understudy.router.record.Lineage;
import dev.understudy.router.record.RequestCounts;
import dev.understudy.router.upstream.BackendReport;
import dev.understudy.router.upstream.Upstream;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.metrics.ObservableLongMeasurement;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;

/** What Prometheus reads about the router itself: what is in flight, what waits, what was lost. */
public record RouterGauges(
    Admission admission,
    Budget copies,
    BlockRing blocks,
    Lineage lineage,
    LongSupplier comparisonsDropped,
    LongSupplier payloadsDropped,
    BooleanSupplier leaseExpired,
    RequestCounts requests,
    LongSupplier drillErrors,
    LongSupplier drillDelays,
    Upstream upstream,
    Upstream shadows,
    SecondAttempts seconds) {
  private static final AttributeKey<String> ARM = AttributeKey.stringKey("arm");
  private static final AttributeKey<String> BACKEND = AttributeKey.stringKey("backend");
  private static final AttributeKey<String> MODEL = AttributeKey.stringKey("model");
  private static final AttributeKey<String> ROLE = AttributeKey.stringKey("role");
  private static final AttributeKey<String> STATUS = AttributeKey.stringKey("status");

  /** Makes the instruments. */
  public void register(Meter meter) {
    gauge(meter, "router.calls.in_flight", "Calls in flight", () -> admission.calls().used());
    gauge(
        meter, "router.bytes.in_flight", "Request bytes in flight", () -> admission.bytes().used());
    gauge(meter, "router.copies.in_flight", "Mirrored copies in flight", copies::used);
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
    counter(meter, "router.copies.dropped", "Copies that were not sent", copies::refused);
    counter(meter, "router.evidence.lost", "Evidence blocks overrun", blocks::overrun);
    counter(meter, "router.lineage.dropped", "Calls without a lineage record", lineage::dropped);
    counter(meter, "router.comparisons.dropped", "Comparisons lost", comparisonsDropped);
    counter(meter, "router.payloads.dropped", "Payloads lost", payloadsDropped);
    counter(meter, "router.drill.errors", "Answers replaced by a drill's error", drillErrors);
    counter(meter, "router.drill.delays", "Answers held back by a drill", drillDelays);
    backends(meter);
    counter(
        meter,
        "router.requests",
        "Calls by model, answering arm and status",
        counter ->
            requests.read((model, role, status, calls) ->
                counter.record(calls, labels(model, role, status))));
  }

  private void backends(Meter meter) {
    gauge(
        meter,
        "router.backend.in_flight",
        "Attempts in flight at a backend",
        BackendReport::inFlight);
    gauge(
        meter,
        "router.backend.latency_nanos",
        "Peak-EWMA of a backend's latency",
        BackendReport::latencyNanos);
    gauge(
        meter,
        "router.backend.state",
        "0 in use, 1 failed its checks, 2 ejected, 3 breaker not closed",
        BackendReport::state);
    counter(meter, "router.backend.ejections", "Backends ejected", upstream::ejections);
    counter(meter, "router.backend.failed_checks", "Checks failed", upstream::failedChecks);
    counter(
        meter,
        "router.names.failed",
        "Look-ups without an address",
        () -> upstream.failedLookUps() + shadows.failedLookUps());
    counter(
        meter,
        "router.names.left_out",
        "Addresses left out because a name had too many",
        () -> upstream.addressesLeftOut() + shadows.addressesLeftOut());
    counter(meter, "router.retries", "Champion's calls sent again", seconds::retries);
    counter(meter, "router.retries.refused", "Retries over budget", seconds::refusedRetries);
    counter(meter, "router.hedges", "Champion's calls sent beside", seconds::hedges);
    counter(meter, "router.hedges.won", "Hedges that answered", seconds::hedgesWon);
    counter(meter, "router.hedges.refused", "Hedges over budget", seconds::refusedHedges);
    counter(meter, "router.rescues.refused", "Rescues over allowance", seconds::refusedRescues);
    counter(meter, "router.rescues.no_room", "Rescues without room", seconds::withoutRoom);
  }

  private void gauge(Meter meter, String name, String text, ToLongFunction<BackendReport> value) {
    var _ =
        meter
            .gaugeBuilder(name)
            .ofLongs()
            .setDescription(text)
            .buildWithCallback(gauge ->
                upstream
                    .report()
                    .forEach(backend ->
                        gauge.record(
                            value.applyAsLong(backend),
                            Attributes.of(
                                MODEL,
                                backend.model(),
                                ARM,
                                backend.arm(),
                                BACKEND,
                                backend.address()))));
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
