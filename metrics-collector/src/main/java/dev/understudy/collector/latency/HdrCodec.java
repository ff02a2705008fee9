package dev.understudy.collector.latency;

import dev.understudy.chassis.error.Fault;
import io.grpc.Status;
import java.nio.ByteBuffer;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.HdrHistogram.Histogram;

/**
 * HdrHistogram's compressed V2 form, read from strangers: sizes are checked before anything is
 * allocated by what the bytes say.
 */
public final class HdrCodec {
  private static final int MAX_COMPRESSED = 1 << 20;
  private static final int MAX_PLAIN = 8 << 20;
  private static final int COMPRESSED_COOKIE = 0x1c849304;
  private static final int PLAIN_COOKIE = 0x1c849303;
  private static final int HEADER = 40;
  private static final int MAX_DIGITS = 4;

  private HdrCodec() {}

  /**
   * Reads a histogram of integers with at most four significant digits.
   *
   * @throws Fault INVALID_ARGUMENT if the bytes are not such a histogram
   */
  public static Histogram decode(byte[] compressed) {
    if (compressed.length < 8 || compressed.length > MAX_COMPRESSED) {
      throw refused(compressed.length + " bytes (expected: 8 bytes to 1 MiB)");
    }
    ByteBuffer head = ByteBuffer.wrap(compressed);
    int cookie = head.getInt();
    int length = head.getInt();
    if ((cookie & ~0xf0) != (COMPRESSED_COOKIE & ~0xf0) || length != compressed.length - 8) {
      throw refused("no compressed V2 header");
    }
    ByteBuffer plain = ByteBuffer.wrap(inflate(compressed, 8, length));
    if (plain.capacity() < HEADER || (plain.getInt(0) & ~0xf0) != (PLAIN_COOKIE & ~0xf0)) {
      throw refused("no V2 header");
    }
    int payload = plain.getInt(4);
    int digits = plain.getInt(12);
    long lowest = plain.getLong(16);
    double ratio = plain.getDouble(32);
    if (payload != plain.capacity() - HEADER
        || digits < 0
        || digits > MAX_DIGITS
        || lowest < 1
        || lowest > 1_000_000
        || ratio != 1.0) {
      throw refused("a header that does not fit (" + digits + " digits, lowest " + lowest + ")");
    }
    try {
      Histogram histogram = Histogram.decodeFromByteBuffer(plain, 0);
      histogram.setAutoResize(true);
      return histogram;
    } catch (RuntimeException e) {
      throw refused("counts that do not fit: " + e.getMessage());
    }
  }

  /** Writes a histogram. */
  public static byte[] encode(Histogram histogram) {
    ByteBuffer buffer = ByteBuffer.allocate(histogram.getNeededByteBufferCapacity() + 64);
    int length = histogram.encodeIntoCompressedByteBuffer(buffer);
    byte[] bytes = new byte[length];
    buffer.get(0, bytes);
    return bytes;
  }

  private static byte[] inflate(byte[] compressed, int offset, int length) {
    Inflater inflater = new Inflater();
    try {
      inflater.setInput(compressed, offset, length);
      byte[] plain = new byte[Math.max(1024, 4 * length)];
      int size = 0;
      while (!inflater.finished()) {
        int count = inflater.inflate(plain, size, plain.length - size);
        size += count;
        if (count == 0 && (inflater.needsInput() || inflater.needsDictionary())) {
          throw refused("deflated counts that end early");
        }
        if (size == plain.length) {
          if (size >= MAX_PLAIN) {
            throw refused("more than 8 MiB of counts");
          }
          plain = java.util.Arrays.copyOf(plain, Math.min(MAX_PLAIN, 2 * size));
        }
      }
      return java.util.Arrays.copyOf(plain, size);
    } catch (DataFormatException e) {
      throw refused("counts that are not deflated");
    } finally {
      inflater.end();
    }
  }

  private static Fault refused(String what) {
    return Fault.of(
        Status.Code.INVALID_ARGUMENT,
        "BAD_HISTOGRAM",
        "histogram: " + what + " (expected: HdrHistogram, compressed V2, up to four digits)");
  }
}
