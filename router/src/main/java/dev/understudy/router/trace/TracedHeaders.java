package dev.understudy.router.trace;

import dev.understudy.chassis.telemetry.TraceContext;
import dev.understudy.router.call.Headers;
import org.jspecify.annotations.Nullable;

/**
 * A call's metadata for one attempt of a traced call: the attempt is the parent of what the backend
 * does. Everything else, {@code tracestate} included, is the caller's.
 */
public record TracedHeaders(Headers headers, TraceContext attempt) implements Headers {
  @Override
  public @Nullable String get(String name) {
    return name.equals(TraceContext.HEADER) ? attempt.header() : headers.get(name);
  }
}
