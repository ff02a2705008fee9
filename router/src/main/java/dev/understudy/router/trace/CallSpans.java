package dev.understudy.router.trace;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.telemetry.LiveTrace;
import dev.understudy.chassis.telemetry.RpcSpans;
import dev.understudy.chassis.telemetry.TraceContext;
import dev.understudy.router.call.Answer;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.call.Notes;
import dev.understudy.router.table.ArmPlan;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.AttributesBuilder;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The spans of a traced call. Names and {@code rpc.*}, {@code server.*} follow OpenTelemetry's
 * semantic conventions for gRPC; what is ours begins with {@code understudy.}. Inputs and names of
 * callers are never among them. Stateless.
 */
public final class CallSpans {
  private static final AttributeKey<String> SERVER = AttributeKey.stringKey("server.address");
  private static final AttributeKey<String> MODEL = AttributeKey.stringKey("understudy.model");
  private static final AttributeKey<String> ARM = AttributeKey.stringKey("understudy.arm");
  private static final AttributeKey<String> ROLE = AttributeKey.stringKey("understudy.role");
  private static final AttributeKey<String> VERSION = AttributeKey.stringKey("understudy.version");
  private static final AttributeKey<String> OUTCOME = AttributeKey.stringKey("understudy.outcome");
  private static final AttributeKey<Boolean> COPY = AttributeKey.booleanKey("understudy.copy");
  private static final AttributeKey<String> ID = AttributeKey.stringKey("understudy.prediction_id");
  private static final AttributeKey<List<String>> FLAGS =
      AttributeKey.stringArrayKey("understudy.flags");
  private static final AttributeKey<Boolean> REVIEW =
      AttributeKey.booleanKey("understudy.review_required");

  private CallSpans() {}

  /**
   * One attempt has ended.
   *
   * @param host of the backend
   * @param copy whether it was a copy of the call
   */
  public static void attempt(
      LiveTrace trace,
      TraceContext as,
      ArmPlan arm,
      String host,
      boolean copy,
      long fromNanos,
      Answer answer) {
    Fault fault = answer.fault();
    trace.called(
        as,
        RpcSpans.NAME,
        fromNanos,
        fromNanos + answer.latencyNanos(),
        RpcSpans.attributes(fault)
            .put(SERVER, host)
            .put(MODEL, arm.model())
            .put(ARM, arm.arm().getName())
            .put(ROLE, arm.role().name())
            .put(VERSION, arm.version())
            .put(OUTCOME, answer.outcome().name())
            .put(COPY, copy)
            .build(),
        fault == null ? null : fault.reason());
  }

  /**
   * The call has ended.
   *
   * @param call null when it was refused before its message was read
   * @param answered the arm that answered, or would have; null when none was chosen
   * @param fault what the caller was told, or null
   */
  public static void ended(
      LiveTrace trace,
      @Nullable InferCall call,
      @Nullable ArmPlan answered,
      @Nullable Fault fault,
      long nowNanos) {
    AttributesBuilder attributes = RpcSpans.attributes(fault);
    if (call != null) {
      attributes.put(ID, call.predictionId()).put(MODEL, call.model());
      Notes notes = call.notes();
      if (!notes.flags().isEmpty()) {
        attributes.put(FLAGS, notes.flags());
      }
      if (notes.reviewRequired()) {
        attributes.put(REVIEW, true);
      }
    }
    if (answered != null) {
      attributes
          .put(ARM, answered.arm().getName())
          .put(ROLE, answered.role().name())
          .put(VERSION, answered.version());
    }
    trace.ended(RpcSpans.NAME, nowNanos, attributes.build(), RpcSpans.serverError(fault));
  }
}
