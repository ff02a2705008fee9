package dev.understudy.comparator.log;

import java.io.IOException;
import java.nio.ByteBuffer;

/** The few things that a log does to a file. One thread writes; others may read. */
public interface LogFile extends AutoCloseable {
  /** Length in bytes. */
  long size() throws IOException;

  /**
   * Reads from a position until the buffer is full or the file ends.
   *
   * @return bytes read, 0 at the end
   */
  int read(ByteBuffer into, long position) throws IOException;

  /** Writes all of a buffer at a position. */
  void write(ByteBuffer from, long position) throws IOException;

  /** Cuts the file to a length. */
  void truncate(long size) throws IOException;

  /** Returns once everything written is on the disk. */
  void force() throws IOException;

  @Override
  void close() throws IOException;
}
