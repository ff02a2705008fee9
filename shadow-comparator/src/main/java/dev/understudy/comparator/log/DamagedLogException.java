package dev.understudy.comparator.log;

import java.io.IOException;

/**
 * A log holds something that no interrupted write explains; it is left as it is. The message names
 * the file, the byte at which the sound part ends, and the last sound record.
 */
public final class DamagedLogException extends IOException {
  private static final long serialVersionUID = 1;

  private final String place;

  DamagedLogException(String file, long offset, String what) {
    super(file + ": the frame at byte " + offset + " " + what);
    this.place = String.valueOf(getMessage());
  }

  private DamagedLogException(DamagedLogException cause, long lastSequence) {
    super(
        cause.place
            + "; "
            + (lastSequence == 0
                ? "no record before it is sound"
                : "records 1 to " + lastSequence + " before it are sound"),
        cause);
    this.place = cause.place;
  }

  /** The same, with the number of the last sound record; 0 when there is none. */
  DamagedLogException after(long lastSequence) {
    return new DamagedLogException(this, lastSequence);
  }
}
