package dev.understudy.modelserver.execution;

/**
 * How a batch went, as each of its requests may tell.
 *
 * @param sealedNanos when an instance took it, on the server's monotone clock
 * @param inputNanos spent gathering inputs
 * @param inferNanos spent in the model
 * @param rows in the whole batch
 */
public record BatchTiming(long sealedNanos, long inputNanos, long inferNanos, int rows) {}
