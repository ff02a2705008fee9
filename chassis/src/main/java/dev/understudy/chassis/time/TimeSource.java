package dev.understudy.chassis.time;

/** Where code reads the time, so that a test can move it. Safe for use by any thread. */
public interface TimeSource {
  /** Monotone nanoseconds from an arbitrary origin; only differences mean something. */
  long nanoTime();

  /** Milliseconds since 1970-01-01T00:00Z by the wall clock, which may be set back. */
  long wallMillis();

  /** The clocks of this machine. */
  static TimeSource system() {
    return SystemTime.INSTANCE;
  }
}
