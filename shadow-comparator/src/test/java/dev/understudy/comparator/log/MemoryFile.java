package dev.understudy.comparator.log;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** A file that is an array. */
final class MemoryFile implements LogFile {
  private byte[] bytes;

  MemoryFile(byte[] bytes) {
    this.bytes = bytes.clone();
  }

  @Override
  public long size() {
    return bytes.length;
  }

  @Override
  public int read(ByteBuffer into, long position) {
    int count = (int) Math.clamp(bytes.length - position, 0L, into.remaining());
    into.put(bytes, (int) position, count);
    return count;
  }

  @Override
  public void write(ByteBuffer from, long position) {
    int end = (int) position + from.remaining();
    bytes = Arrays.copyOf(bytes, Math.max(bytes.length, end));
    from.get(bytes, (int) position, from.remaining());
  }

  @Override
  public void truncate(long size) {
    bytes = Arrays.copyOf(bytes, (int) size);
  }

  @Override
  public void force() {}

  @Override
  public void close() {}
}
