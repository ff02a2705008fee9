package dev.understudy.modelserver.execution;

import dev.understudy.chassis.telemetry.TraceContext;
import java.util.List;

/**
 * How a batch went, as each of its requests may tell.
 *
 * @param sealedNanos when an instance took it, on the server's monotone clock
 * @param inputNanos spent gathering inputs
 * @param inferNanos spent in the model
 * @param rows in the whole batch
 * @param traced the spans of those of its requests that are traced; mostly none
 */
public record BatchTiming(
    long sealedNanos, long inputNanos, long inferNanos, int rows, List<TraceContext> traced) {}
