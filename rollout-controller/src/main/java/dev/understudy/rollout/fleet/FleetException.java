package dev.understudy.rollout.fleet;

/** A model server did not do what a rollout needs; the message says which and why. */
public class FleetException extends RuntimeException {
  FleetException(String message) {
    super(message);
  }

  /** A server holds other files under a version's number than the catalog knows. */
  public static final class WrongDigest extends FleetException {
    WrongDigest(String message) {
      super(message);
    }
  }
}
