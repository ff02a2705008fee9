package dev.understudy.router.stack;

import dev.understudy.chassis.telemetry.Tracing;
import dev.understudy.proto.v1.Role;
import dev.understudy.router.accesslog.AccessLog;
import dev.understudy.router.admission.Admission;
import dev.understudy.router.auth.Authenticator;
import dev.understudy.router.mirror.Mirror;
import dev.understudy.router.overload.BackendLimits;
import dev.understudy.router.overload.GradientLimit;
import dev.understudy.router.patterns.Pattern;
import dev.understudy.router.patterns.Patterns;
import dev.understudy.router.record.BlockRing;
import dev.understudy.router.record.Lineage;
import dev.understudy.router.record.RequestCounts;
import dev.understudy.router.upstream.BackendReport;
import dev.understudy.router.upstream.Upstream;
import dev.understudy.router.validation.ContractTally;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.metrics.ObservableLongMeasurement;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/** What Prometheus reads about the router itself: what is in flight, what waits, what was lost. */
public record RouterGauges(
    Admission admission,
    Authenticator authenticator,
    @Nullable BackendLimits backendLimits,
    Mirror mirror,
    Onlookers onlookers,
    BlockRing blocks,
    Lineage lineage,
    LongSupplier comparisonsDropped,
    LongSupplier payloadsDropped,
    BooleanSupplier leaseExpired,
    RequestCounts requests,
    LongSupplier drillErrors,
    LongSupplier drillDelays,
    ContractTally contracts,
    LongSupplier benchmarksSkipped,
    LongSupplier benchmarksFailed,
    LongSupplier benchmarksLate,
    Upstream upstream,
    Upstream shadows,
    SecondAttempts seconds) {
  private static final AttributeKey<String> CLASS = AttributeKey.stringKey("class");
  private static final AttributeKey<String> ARM = AttributeKey.stringKey("arm");
  private static final AttributeKey<String> BACKEND = AttributeKey.stringKey("backend");
  private static final AttributeKey<String> MODEL = AttributeKey.stringKey("model");
  private static final AttributeKey<String> ROLE = AttributeKey.stringKey("role");
  private static final AttributeKey<String> REASON = AttributeKey.stringKey("reason");
  private static final AttributeKey<String> RULE = AttributeKey.stringKey("rule");
  private static final AttributeKey<String> ACTION = AttributeKey.stringKey("action");
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
    counter(
        meter,
        "router.refusals",
        "Calls refused before a backend knew of them, by reason and class",
        counter ->
            admission
                .refusals()
                .read((cause, criticality, calls) ->
                    counter.record(
                        calls, Attributes.of(REASON, cause.word(), CLASS, criticality.word()))));
    counter(
        meter,
        "router.quota.shared",
        "Calls by principals that share a quota because too many others are remembered",
        admission::sharedTakes);
    backends(meter);
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
        "understudy.auth.refusals",
        "Callers not let in, by reason",
        counter ->
            authenticator
                .counts()
                .read((reason, refusals) ->
                    counter.record(refusals, Attributes.of(REASON, reason.label()))));
    counter(
        meter,
        "understudy.auth.reload.failures",
        "Changed or fetched keys that cannot be used; the old ones are in force",
        authenticator::reloadFailures);
    counter(
        meter,
        "router.benchmark.skipped",
        "Benchmark questions that were not asked",
        benchmarksSkipped);
    counter(
        meter,
        "router.benchmark.failed",
        "Benchmark questions without an answer",
        benchmarksFailed);
    counter(
        meter,
        "router.benchmark.late",
        "Benchmark answers that were not there in time",
        benchmarksLate);
    counter(
        meter,
        "understudy.contract.violations",
        "What data contracts found, by model, rule and action",
        counter ->
            contracts.read((model, rule, action, times) ->
                counter.record(times, Attributes.of(MODEL, model, RULE, rule, ACTION, action))));
    counter(
        meter,
        "router.requests",
        "Calls by model, answering arm and status",
        counter ->
            requests.read((model, role, status, calls) ->
                counter.record(calls, labels(model, role, status))));
  }

  private void backends(Meter meter) {
    backendGauge(
        meter,
        "router.backend.in_flight",
        "Attempts in flight at a backend",
        BackendReport::inFlight);
    backendGauge(
        meter,
        "router.backend.latency_nanos",
        "Peak-EWMA of a backend's latency",
        BackendReport::latencyNanos);
    backendGauge(
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
    if (backendLimits != null) {
      gauge(
          meter,
          "router.backend.limit",
          "Calls that a backend is given at once",
          gauge -> ofBackends(gauge, GradientLimit::limit));
      counter(
          meter,
          "router.backend.full",
          "Times that a backend was passed over because it had no room",
          counter -> ofBackends(counter, GradientLimit::refused));
    }
  }

  private void ofBackends(
      ObservableLongMeasurement measurement, ToLongFunction<GradientLimit> value) {
    if (backendLimits != null) {
      backendLimits
          .all()
          .forEach((address, limit) ->
              measurement.record(value.applyAsLong(limit), Attributes.of(BACKEND, address)));
    }
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

  private void backendGauge(
      Meter meter, String name, String text, ToLongFunction<BackendReport> value) {
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
    gauge(meter, name, text, gauge -> gauge.record(value.getAsLong()));
  }

  private static void gauge(
      Meter meter, String name, String text, Consumer<ObservableLongMeasurement> values) {
    var _ = meter.gaugeBuilder(name).ofLongs().setDescription(text).buildWithCallback(values);
  }

  private static void counter(Meter meter, String name, String text, LongSupplier value) {
    counter(meter, name, text, counter -> counter.record(value.getAsLong()));
  }

  private static void counter(
      Meter meter, String name, String text, Consumer<ObservableLongMeasurement> values) {
    var _ = meter.counterBuilder(name).setDescription(text).buildWithCallback(values);
  }
}
