package dev.understudy.rollout.fleet;

/** A model server did not do what a rollout needs; the message says which and why. */
public final class FleetException extends RuntimeException {
  FleetException(String message) {
    super(message);
  }
}
