package dev.understudy.router.stack;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.telemetry.LiveTrace;
import dev.understudy.chassis.telemetry.TraceContext;
import dev.understudy.chassis.telemetry.Tracing;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.tensor.InferResponseView;
import dev.understudy.proto.tensor.MalformedMessageException;
import dev.understudy.proto.v1.Decision;
import dev.understudy.router.accesslog.AccessLog;
import dev.understudy.router.accesslog.Entry;
import dev.understudy.router.call.Answer;
import dev.understudy.router.call.Headers;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.call.Notes;
import dev.understudy.router.call.Principal;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.patterns.Pattern;
import dev.understudy.router.patterns.PatternSettings;
import dev.understudy.router.patterns.Patterns;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.trace.CallSpans;
import java.nio.ByteBuffer;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Those who look at calls without taking part in them: traces, the access log, and the watch for
 * suspicious patterns. Each may be missing, and then costs a null check per call. Any thread.
 */
final class Onlookers {
  private final @Nullable Tracing tracing;
  private final @Nullable AccessLog accessLog;
  private final @Nullable Patterns patterns;
  private final PatternSettings settings;
  private final TimeSource time;

  Onlookers(
      @Nullable Tracing tracing,
      @Nullable AccessLog accessLog,
      @Nullable Patterns patterns,
      PatternSettings settings,
      TimeSource time) {
    this.tracing = tracing;
    this.accessLog = accessLog;
    this.patterns = patterns;
    this.settings = settings;
    this.time = time;
  }

  @Nullable Tracing tracing() {
    return tracing;
  }

  @Nullable AccessLog accessLog() {
    return accessLog;
  }

  @Nullable Patterns patterns() {
    return patterns;
  }

  /** The trace of a call whose headers have come; null when it is not traced. */
  @Nullable LiveTrace begin(Headers headers, long nowNanos) {
    return tracing == null ? null : tracing.begin(headers.get(TraceContext.HEADER), nowNanos);
  }

  /** A call was refused before its message was asked for. */
  void refused(
      @Nullable LiveTrace trace, @Nullable Principal principal, long fromNanos, Fault refusal) {
    if (trace == null && accessLog == null) {
      return;
    }
    long now = time.nanoTime();
    if (trace != null) {
      CallSpans.ended(trace, null, null, refusal, now);
    }
    if (accessLog != null && accessLog.wants("", true)) {
      accessLog.offer(
          refusedEntry(
              "", principal == null ? "" : principal.name(), now - fromNanos, -1, trace, refusal));
    }
  }

  /** A message was refused before it was read. */
  void refused(
      String id, Principal principal, Notes notes, long fromNanos, int bytes, Fault refusal) {
    LiveTrace trace = notes.trace();
    if (trace == null && accessLog == null) {
      return;
    }
    long now = time.nanoTime();
    if (trace != null) {
      CallSpans.ended(trace, null, null, refusal, now);
    }
    if (accessLog != null && accessLog.wants(id, true)) {
      accessLog.offer(refusedEntry(id, principal.name(), now - fromNanos, bytes, trace, refusal));
    }
  }

  private Entry refusedEntry(
      String id,
      String principal,
      long nanos,
      long bytes,
      @Nullable LiveTrace trace,
      Fault refusal) {
    return new Entry(
        time.wallMillis(),
        id,
        "",
        principal,
        "",
        "",
        "",
        "",
        "",
        refusal.code().name(),
        refusal.reason(),
        nanos,
        Entry.UNKNOWN,
        bytes,
        Entry.UNKNOWN,
        java.util.List.of(),
        false,
        id(trace));
  }

  private static String id(@Nullable LiveTrace trace) {
    return trace == null ? "" : trace.own().traceId();
  }

  /**
   * A call fits its model. Callers' ways are compared per model, and those of all models that are
   * not listed together: their names are the clients' and have no end.
   *
   * @return what its answer is to be shown with, or null
   * @throws Fault when its caller is held to a rate and over it
   */
  Patterns.@Nullable Verdict fits(InferCall call, ModelPlan plan) {
    LiveTrace trace = call.notes().trace();
    if (trace != null) {
      trace.stage("validation", call.arrivalNanos(), time.nanoTime());
    }
    return patterns == null ? null : asked(patterns, call, plan);
  }

  private Patterns.@Nullable Verdict asked(Patterns watch, InferCall call, ModelPlan plan) {
    long now = call.arrivalNanos();
    Patterns.Verdict verdict =
        watch.asked(
            call.principal().name(), plan.label(), call.request(), now, call.arrivalUnixMs());
    StringBuilder reasons = null;
    for (Pattern pattern : Pattern.values()) {
      if (verdict.is(pattern, now)) {
        call.notes().flag(pattern.flag());
        if (verdict.waitNanos() > 0) {
          reasons = reasons == null ? new StringBuilder() : reasons.append(", ");
          reasons.append(pattern.flag());
        }
      }
    }
    if (verdict.waitNanos() > 0) {
      throw Refusals.suspicious(
          call.clientId(),
          call.principal().name(),
          String.valueOf(reasons),
          settings.throttlePerSecond(),
          Duration.ofMillis((verdict.waitNanos() + 999_999) / 1_000_000));
    }
    return verdict.isLookedAt() ? verdict : null;
  }

  /** A call was refused after its message had been read. */
  void refused(InferCall call, @Nullable ArmPlan assigned, Fault refusal) {
    ended(call, assigned, assigned, null, refusal);
  }

  /** A call has its answer. */
  void finished(
      InferCall call,
      ModelPlan plan,
      ArmPlan assigned,
      ArmPlan answered,
      Answer answer,
      Patterns.@Nullable Verdict verdict) {
    Fault fault = answer.fault();
    ended(call, assigned, answered, answer, fault);
    byte[] response = answer.response();
    if (verdict != null && patterns != null && response != null) {
      Decision decision = plan.route().getContract().getDecision();
      if (decision.hasCutoff()) {
        show(patterns, verdict, plan, decision.getCutoff(), response);
      }
    }
  }

  private void show(
      Patterns watch, Patterns.Verdict verdict, ModelPlan plan, double cutoff, byte[] response) {
    try {
      watch.answered(
          verdict,
          plan.label(),
          plan.disclosure().scores(InferResponseView.parse(ByteBuffer.wrap(response))),
          cutoff,
          time.nanoTime(),
          time.wallMillis());
    } catch (MalformedMessageException e) {
      // The guard has let it pass, so it is one; without scores there is nothing to see.
      return;
    }
  }

  private void ended(
      InferCall call,
      @Nullable ArmPlan assigned,
      @Nullable ArmPlan answered,
      @Nullable Answer answer,
      @Nullable Fault fault) {
    LiveTrace trace = call.notes().trace();
    if (trace == null && accessLog == null) {
      return;
    }
    long now = time.nanoTime();
    if (trace != null) {
      CallSpans.ended(trace, call, answered, fault, now);
    }
    if (accessLog != null && accessLog.wants(call.predictionId(), fault != null)) {
      byte[] response = answer == null ? null : answer.response();
      accessLog.offer(
          new Entry(
              call.arrivalUnixMs(),
              call.predictionId(),
              call.clientId(),
              call.principal().name(),
              call.model(),
              call.version(),
              assigned == null ? "" : assigned.arm().getName(),
              answered == null ? "" : answered.arm().getName(),
              answered == null ? "" : answered.version(),
              fault == null ? "OK" : fault.code().name(),
              fault == null ? "" : fault.reason(),
              now - call.arrivalNanos(),
              answer == null ? Entry.UNKNOWN : answer.latencyNanos(),
              call.body().length,
              response == null ? Entry.UNKNOWN : response.length,
              call.notes().flags(),
              call.notes().reviewRequired(),
              id(trace)));
    }
  }
}
