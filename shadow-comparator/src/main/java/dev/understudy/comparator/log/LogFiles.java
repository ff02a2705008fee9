package dev.understudy.comparator.log;

import java.io.IOException;
import java.nio.file.Path;

/** Where log files come from. Safe for use by any thread. */
@FunctionalInterface
public interface LogFiles {
  /**
   * Opens a file for reading and writing, and makes it if it is not there. The entry in its folder
   * is on the disk when this returns.
   */
  LogFile open(Path path) throws IOException;

  /** The files of this machine. */
  static LogFiles system() {
    return ChannelFile::open;
  }
}
