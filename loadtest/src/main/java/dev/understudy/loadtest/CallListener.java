package dev.understudy.loadtest;

import io.grpc.Metadata;
import io.grpc.Status;
import org.jspecify.annotations.Nullable;

/**
 * Hears how calls end; called on transport threads, possibly several at once, and must not block.
 */
@FunctionalInterface
public interface CallListener {

  /** Hears nothing. */
  CallListener NONE = (n, status, response, headers, latencyNanos) -> {};

  /**
   * A call has ended.
   *
   * @param n its number, from 0
   * @param response the serialized {@code ModelInferResponse}; null unless OK
   * @param headers response metadata; null if none came
   * @param latencyNanos from the scheduled send
   */
  void ended(
      long n,
      Status status,
      byte @Nullable [] response,
      @Nullable Metadata headers,
      long latencyNanos);
}
