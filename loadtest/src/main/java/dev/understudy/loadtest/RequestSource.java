package dev.understudy.loadtest;

/** Serialized {@code ModelInferRequest}s to send. Called by one thread. */
@FunctionalInterface
public interface RequestSource {

  /**
   * The message of the n-th call, n from 0; the array is not changed afterwards and may be returned
   * again.
   */
  byte[] request(long n);
}
