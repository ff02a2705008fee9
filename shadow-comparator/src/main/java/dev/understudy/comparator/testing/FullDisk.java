package dev.understudy.comparator.testing;

import dev.understudy.comparator.log.LogFile;
import dev.understudy.comparator.log.LogFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * Real files on a disk that a test can fill up: while it is full, half of what is written arrives
 * and the write fails. Safe for use by any thread.
 */
public final class FullDisk implements LogFiles {
  private final LogFiles real = LogFiles.system();
  private volatile boolean full;

  /** A disk with room. */
  public FullDisk() {}

  /** Fills the disk up, or makes room. */
  public void full(boolean value) {
    full = value;
  }

  @Override
  public LogFile open(Path path) throws IOException {
    LogFile file = real.open(path);
    return new LogFile() {
      @Override
      public long size() throws IOException {
        return file.size();
      }

      @Override
      public int read(ByteBuffer into, long position) throws IOException {
        return file.read(into, position);
      }

      @Override
      public void write(ByteBuffer from, long position) throws IOException {
        if (full) {
          file.write(from.slice(from.position(), from.remaining() / 2), position);
          throw new IOException("No space left on device");
        }
        file.write(from, position);
      }

      @Override
      public void truncate(long size) throws IOException {
        file.truncate(size);
      }

      @Override
      public void force() throws IOException {
        file.force();
      }

      @Override
      public void close() throws IOException {
        file.close();
      }
    };
  }
}
