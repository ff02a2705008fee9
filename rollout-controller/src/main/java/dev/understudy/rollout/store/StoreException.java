package dev.understudy.rollout.store;

/** The state could not be read or written. Nothing of the change under way has been kept. */
public final class StoreException extends RuntimeException {
  StoreException(String message, Throwable cause) {
    super(message, cause);
  }
}
