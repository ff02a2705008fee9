package dev.understudy.comparator.log;

import java.io.IOException;

/** A log holds something that no interrupted write explains; it is left as it is. */
public final class DamagedLogException extends IOException {
  private static final long serialVersionUID = 1;

  DamagedLogException(String file, long offset, String what) {
    super(file + ": the frame at byte " + offset + " " + what);
  }
}
