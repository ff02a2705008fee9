package dev.understudy.router.upstream;

import dev.understudy.router.call.Headers;

/**
 * What one attempt may take, and what goes with it.
 *
 * @param predictionId told to the backend
 * @param clientId stands before texts of our own
 * @param headers the call's metadata, of which trace context is passed on
 * @param limitNanos the longest time, more than 0
 * @param limitIsDeadline whether the limit is the caller's deadline rather than the try's own
 * @param shadow whether the answer will never reach a client
 */
public record AttemptOptions(
    String predictionId,
    String clientId,
    Headers headers,
    long limitNanos,
    boolean limitIsDeadline,
    boolean shadow) {}
