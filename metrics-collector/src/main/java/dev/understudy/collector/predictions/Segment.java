package dev.understudy.collector.predictions;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;

/**
 * One append-only file of records. A record is its length (4 bytes, big-endian), the CRC32C of kind
 * and body (4 bytes), its kind (1 byte) and its body.
 *
 * <p>One thread appends; any thread may read what has been flushed.
 */
final class Segment implements AutoCloseable {
  static final int HEADER_BYTES = 9;
  static final int MAX_BODY_BYTES = 64 << 20;
  private static final int BUFFER_BYTES = 1 << 18;

  private final long number;
  private final Path file;
  private final FileChannel channel;
  private ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);

  /** Bytes in the file, and bytes with what waits in the buffer. */
  private volatile long flushed;

  private long appended;

  private Segment(long number, Path file, FileChannel channel, long length) {
    this.number = number;
    this.file = file;
    this.channel = channel;
    this.flushed = length;
    this.appended = length;
  }

  /** One record as it was read. */
  record Stored(int kind, byte[] body) {}

  /** Receives the records of a scan. */
  interface Visitor {
    void record(long offset, int kind, byte[] body);
  }

  static Segment open(long number, Path file) throws IOException {
    FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    return new Segment(number, file, channel, channel.size());
  }

  long number() {
    return number;
  }

  /** Length with what has not been flushed. */
  long length() {
    return appended;
  }

  /** Adds a record and returns its offset. It can be read after {@link #flush()}. */
  long append(int kind, byte[] body) throws IOException {
    long offset = appended;
    int size = HEADER_BYTES + body.length;
    if (buffer.remaining() < size) {
      flush();
      if (buffer.capacity() < size) {
        buffer = ByteBuffer.allocate(size);
      }
    }
    buffer.putInt(body.length).putInt(crc(kind, body)).put((byte) kind).put(body);
    appended += size;
    return offset;
  }

  /** Hands the buffer to the operating system. */
  void flush() throws IOException {
    buffer.flip();
    long position = flushed;
    while (buffer.hasRemaining()) {
      position += channel.write(buffer, position);
    }
    buffer.clear();
    if (buffer.capacity() > BUFFER_BYTES) {
      buffer = ByteBuffer.allocate(BUFFER_BYTES);
    }
    flushed = position;
  }

  /** Forgets what lies behind this length, in the buffer and in the file. */
  void truncate(long length) throws IOException {
    buffer.clear();
    if (channel.size() > length) {
      channel.truncate(length);
    }
    flushed = Math.min(channel.size(), length);
    appended = flushed;
  }

  /**
   * Reads one record.
   *
   * @throws IOException if the file ends before it, or its checksum is wrong
   */
  Stored read(long offset) throws IOException {
    ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES);
    fill(header, offset);
    header.flip();
    int length = header.getInt();
    int crc = header.getInt();
    int kind = header.get();
    if (length < 0 || length > MAX_BODY_BYTES) {
      throw new IOException(at(offset) + "length " + length + " (expected: at most 64 MiB)");
    }
    if (offset + HEADER_BYTES + length > flushed) {
      throw new EOFException(at(offset) + "ends early, at " + flushed);
    }
    byte[] body = new byte[length];
    fill(ByteBuffer.wrap(body), offset + HEADER_BYTES);
    if (crc(kind, body) != crc) {
      throw new IOException(
          at(offset) + "checksum " + crc(kind, body) + " (expected: " + crc + ")");
    }
    return new Stored(kind, body);
  }

  /** Visits the records from the start; returns the offset of the first that is not whole. */
  long scan(Visitor visitor) {
    long offset = 0;
    while (offset < flushed) {
      Stored stored;
      try {
        stored = read(offset);
      } catch (IOException torn) {
        return offset;
      }
      visitor.record(offset, stored.kind, stored.body);
      offset += HEADER_BYTES + stored.body.length;
    }
    return offset;
  }

  void delete() throws IOException {
    channel.close();
    Files.deleteIfExists(file);
  }

  /** Waits until the disk has it. */
  void force() throws IOException {
    flush();
    channel.force(false);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  private void fill(ByteBuffer target, long offset) throws IOException {
    long position = offset;
    while (target.hasRemaining()) {
      int read = channel.read(target, position);
      if (read < 0) {
        throw new EOFException(at(offset) + "ends early");
      }
      position += read;
    }
  }

  private String at(long offset) {
    return file.getFileName() + ", record at " + offset + ": ";
  }

  private static int crc(int kind, byte[] body) {
    CRC32C crc = new CRC32C();
    crc.update(kind);
    crc.update(body);
    return (int) crc.getValue();
  }
}
