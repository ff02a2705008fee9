package dev.understudy.modelserver.frontend;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.telemetry.LiveTrace;
import dev.understudy.chassis.telemetry.RpcSpans;
import dev.understudy.chassis.telemetry.TraceContext;
import dev.understudy.modelserver.execution.BatchTiming;
import dev.understudy.modelserver.repository.ServedVersion;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.AttributesBuilder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The spans of a traced inference: its wait in the queue, the batch that it was part of, linked to
 * the traced company that it had there, and where the instance's time went. {@code rpc.*} follow
 * OpenTelemetry's semantic conventions for gRPC. Stateless.
 */
final class InferSpans {
  private static final AttributeKey<String> MODEL = AttributeKey.stringKey("understudy.model");
  private static final AttributeKey<String> VERSION = AttributeKey.stringKey("understudy.version");
  private static final AttributeKey<Long> ROWS = AttributeKey.longKey("understudy.rows");

  private InferSpans() {}

  /** An instance has answered. */
  static void answered(
      LiveTrace trace,
      ServedVersion version,
      BatchTiming timing,
      long enqueuedNanos,
      long encodeNanos,
      long endNanos,
      int rows) {
    long sealed = timing.sealedNanos();
    long gathered = sealed + timing.inputNanos();
    long inferred = gathered + timing.inferNanos();
    trace.stage("queue", enqueuedNanos, sealed);
    List<TraceContext> company = new ArrayList<>(timing.traced());
    company.remove(trace.own());
    trace.stage("batch", sealed, inferred, Attributes.of(ROWS, (long) timing.rows()), company);
    trace.stage("compute.input", sealed, gathered);
    trace.stage("compute.infer", gathered, inferred);
    trace.stage("compute.output", encodeNanos, endNanos);
    ended(trace, version, rows, null, endNanos);
  }

  /**
   * The call has ended.
   *
   * @param version null when none was found
   */
  static void ended(
      LiveTrace trace,
      @Nullable ServedVersion version,
      int rows,
      @Nullable Fault fault,
      long nowNanos) {
    AttributesBuilder attributes = RpcSpans.attributes(fault);
    if (version != null) {
      attributes
          .put(MODEL, version.name())
          .put(VERSION, String.valueOf(version.number()))
          .put(ROWS, (long) rows);
    }
    trace.ended(RpcSpans.NAME, nowNanos, attributes.build(), RpcSpans.serverError(fault));
  }
}
