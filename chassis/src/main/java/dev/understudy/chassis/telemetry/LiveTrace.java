package dev.understudy.chassis.telemetry;

import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.sdk.trace.data.LinkData;
import io.opentelemetry.sdk.trace.data.StatusData;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One service's part of a call that is traced: made for such calls only, told of stages as they
 * end, in nanoseconds of the monotonic clock. Stages hang below the call's own span, which must be
 * told last of those that the call waited for; a copy that outlives the call may be told later.
 *
 * <p>Any thread.
 */
public final class LiveTrace {
  private final Tracing tracing;
  private final @Nullable TraceContext parent;
  private final TraceContext own;
  private final long startNanos;
  private final long startEpochNanos;

  LiveTrace(Tracing tracing, @Nullable TraceContext parent, long startNanos, long startEpochNanos) {
    this.tracing = tracing;
    this.parent = parent;
    this.own =
        new TraceContext(
            parent == null ? TraceContext.newTraceId(tracing.random()) : parent.traceId(),
            TraceContext.newSpanId(tracing.random()),
            true);
    this.startNanos = startNanos;
    this.startEpochNanos = startEpochNanos;
  }

  /** The call's own span. */
  public TraceContext own() {
    return own;
  }

  /** A span below the call's own that has its id before it ends, such as a call to a backend. */
  public TraceContext child() {
    return new TraceContext(own.traceId(), TraceContext.newSpanId(tracing.random()), true);
  }

  /** A stage inside this process has ended. */
  public void stage(String name, long fromNanos, long toNanos) {
    span(child(), name, SpanKind.INTERNAL, fromNanos, toNanos, Attributes.empty(), null, List.of());
  }

  /** A stage inside this process has ended, with attributes and spans that it belongs with. */
  public void stage(
      String name, long fromNanos, long toNanos, Attributes attributes, List<TraceContext> links) {
    span(child(), name, SpanKind.INTERNAL, fromNanos, toNanos, attributes, null, links);
  }

  /**
   * A call to another process has ended.
   *
   * @param error why it failed, or null
   */
  public void called(
      TraceContext as,
      String name,
      long fromNanos,
      long toNanos,
      Attributes attributes,
      @Nullable String error) {
    span(as, name, SpanKind.CLIENT, fromNanos, toNanos, attributes, error, List.of());
  }

  /**
   * The call has ended.
   *
   * @param error why it failed by a fault of this side, or null
   */
  public void ended(String name, long toNanos, Attributes attributes, @Nullable String error) {
    add(own, parent, name, SpanKind.SERVER, startNanos, toNanos, attributes, error, List.of());
  }

  private void span(
      TraceContext as,
      String name,
      SpanKind kind,
      long fromNanos,
      long toNanos,
      Attributes attributes,
      @Nullable String error,
      List<TraceContext> links) {
    add(as, own, name, kind, fromNanos, toNanos, attributes, error, links);
  }

  private void add(
      TraceContext as,
      @Nullable TraceContext below,
      String name,
      SpanKind kind,
      long fromNanos,
      long toNanos,
      Attributes attributes,
      @Nullable String error,
      List<TraceContext> links) {
    List<LinkData> linked = new ArrayList<>(links.size());
    for (TraceContext link : links) {
      linked.add(LinkData.create(local(link)));
    }
    tracing.offer(
        new FinishedSpan(
            tracing.resource(),
            local(as),
            below == null ? SpanContext.getInvalid() : local(below),
            name,
            kind,
            startEpochNanos + (fromNanos - startNanos),
            startEpochNanos + (Math.max(fromNanos, toNanos) - startNanos),
            attributes,
            List.copyOf(linked),
            error == null ? StatusData.unset() : StatusData.create(StatusCode.ERROR, error)));
  }

  private static SpanContext local(TraceContext context) {
    return SpanContext.create(
        context.traceId(), context.spanId(), TraceFlags.getSampled(), TraceState.getDefault());
  }
}
