package dev.understudy.proto.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A cursor over the protobuf wire format. It never reads past its limit, allocates nothing in
 * proportion to a claimed length, and throws only {@link MalformedMessageException}. As the
 * generated parsers do, it cuts tags, lengths and 32-bit varints to their low 32 bits. Varints have
 * at most ten bytes, and then the tenth is 1: of other values protobuf-java makes one number in the
 * middle of a buffer and another at its end, so that two readers of one message might disagree.
 *
 * <p>Byte ranges travel as one {@code long}: offset in the upper half, length in the lower.
 */
final class WireReader {
  static final int VARINT = 0;
  static final int FIXED64 = 1;
  static final int LENGTH = 2;
  static final int FIXED32 = 5;

  private static final long ASCII = 0x8080_8080_8080_8080L;

  /** The message's bytes: read-only, little-endian, index 0 is its first byte. */
  static final class Source {
    private final ByteBuffer bytes;

    /**
     * The array that the bytes lie in, for texts alone, which are copied; null when there is none.
     */
    private final byte @Nullable [] array;

    private final int arrayOffset;

    private Source(ByteBuffer bytes, byte @Nullable [] array, int arrayOffset) {
      this.bytes = bytes;
      this.array = array;
      this.arrayOffset = arrayOffset;
    }

    static Source of(ByteBuffer message) {
      ByteBuffer bytes = message.slice().asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
      return message.hasArray()
          ? new Source(bytes, message.array(), message.arrayOffset() + message.position())
          : new Source(bytes, null, 0);
    }

    ByteBuffer bytes() {
      return bytes;
    }

    String string(long range) {
      byte[] whole = array;
      if (whole != null) {
        return new String(
            whole, arrayOffset + offset(range), length(range), StandardCharsets.UTF_8);
      }
      byte[] copy = new byte[length(range)];
      bytes.get(offset(range), copy);
      return new String(copy, StandardCharsets.UTF_8);
    }

    boolean matches(long range, byte[] expected) {
      int length = length(range);
      if (length != expected.length) {
        return false;
      }
      int offset = offset(range);
      for (int i = 0; i < length; i++) {
        if (bytes.get(offset + i) != expected[i]) {
          return false;
        }
      }
      return true;
    }

    /** As the other, for a text of ASCII characters. */
    boolean matches(long range, String ascii) {
      int length = length(range);
      if (length != ascii.length()) {
        return false;
      }
      int offset = offset(range);
      for (int i = 0; i < length; i++) {
        if (bytes.get(offset + i) != ascii.charAt(i)) {
          return false;
        }
      }
      return true;
    }

    ByteBuffer slice(long range) {
      return bytes.slice(offset(range), length(range)).order(ByteOrder.LITTLE_ENDIAN);
    }

    WireReader reader(long range) {
      return new WireReader(this, offset(range), offset(range) + length(range));
    }

    WireReader reader() {
      return new WireReader(this, 0, bytes.limit());
    }
  }

  /** Ranges or numbers collected while walking, up to a bound. */
  static final class Longs {
    static final long[] NONE = {};
    private final int maxSize;
    private final String what;
    private long[] values = NONE;
    private int size;

    Longs(int maxSize, String what) {
      this.maxSize = maxSize;
      this.what = what;
    }

    void add(long value, WireReader at) {
      if (size == maxSize) {
        throw at.malformed("more than " + maxSize + " " + what);
      }
      if (size == values.length) {
        values = Arrays.copyOf(values, Math.max(2, size * 2));
      }
      values[size++] = value;
    }

    int size() {
      return size;
    }

    long[] toArray() {
      return size == values.length ? values : Arrays.copyOf(values, size);
    }
  }

  final Source source;
  private final ByteBuffer bytes;
  private int position;
  private int limit;

  private WireReader(Source source, int position, int limit) {
    this.source = source;
    this.bytes = source.bytes();
    this.position = position;
    this.limit = limit;
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static int offset(long range) {
    return (int) (range >>> 32);
  }

  static int length(long range) {
    return (int) range;
  }

  static int field(int tag) {
    return tag >>> 3;
  }

  static int wireType(int tag) {
    return tag & 7;
  }

  boolean hasMore() {
    return position < limit;
  }

  int position() {
    return position;
  }

  MalformedMessageException malformed(String what) {
    return new MalformedMessageException(position, what);
  }

  int tag() {
    int tag = (int) varint();
    if (field(tag) == 0) {
      throw malformed("field number 0");
    }
    return tag;
  }

  long varint() {
    long result = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (position == limit) {
        throw malformed("truncated varint");
      }
      byte b = bytes.get(position++);
      result |= (long) (b & 0x7f) << shift;
      if (b >= 0) {
        if (shift == 63 && b != 1) {
          throw malformed("varint whose tenth byte is " + b + ", expected 1");
        }
        return result;
      }
    }
    throw malformed("varint longer than 10 bytes");
  }

  int fixed32() {
    int at = advance(4);
    return bytes.getInt(at);
  }

  long fixed64() {
    int at = advance(8);
    return bytes.getLong(at);
  }

  private int advance(int count) {
    if (count > limit - position) {
      throw malformed("truncated: " + count + " bytes wanted, " + (limit - position) + " left");
    }
    int at = position;
    position += count;
    return at;
  }

  private int length() {
    int length = (int) varint();
    if (length < 0) {
      throw malformed("negative length " + length);
    }
    if (length > limit - position) {
      throw malformed("truncated: length " + length + ", " + (limit - position) + " bytes left");
    }
    return length;
  }

  /** Takes a length-delimited field whole. */
  long bytes(int tag, String name) {
    expect(tag, LENGTH, name);
    int length = length();
    int at = advance(length);
    return (long) at << 32 | length;
  }

  /** As {@link #bytes}, and the bytes must be UTF-8. */
  long string(int tag, String name) {
    long range = bytes(tag, name);
    checkUtf8(range, name);
    return range;
  }

  /** Enters a length-delimited field; hand the result to {@link #leave}. */
  int enter(int tag, String name) {
    expect(tag, LENGTH, name);
    int length = length();
    int outer = limit;
    limit = position + length;
    return outer;
  }

  void leave(int outerLimit) {
    limit = outerLimit;
  }

  void expect(int tag, int wireType, String name) {
    if (wireType(tag) != wireType) {
      throw malformed(name + " has wire type " + wireType(tag) + ", expected " + wireType);
    }
  }

  /** Steps over a field that this reader does not know. */
  void skip(int tag) {
    switch (wireType(tag)) {
      case VARINT -> varint();
      case FIXED64 -> advance(8);
      case LENGTH -> advance(length());
      case FIXED32 -> advance(4);
      default ->
          throw malformed("field " + field(tag) + " has unsupported wire type " + wireType(tag));
    }
  }

  /** Refuses what is not well-formed UTF-8 (Unicode, table 3-7): overlong forms, surrogates. */
  private void checkUtf8(long range, String name) {
    int at = offset(range);
    int end = at + length(range);
    while (end - at >= 8 && (bytes.getLong(at) & ASCII) == 0) {
      at += 8;
    }
    while (at < end) {
      int lead = bytes.get(at) & 0xff;
      if (lead < 0x80) {
        at++;
        continue;
      }
      int count = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
      if (count == 0 || count > end - at) {
        throw new MalformedMessageException(at, name + " is not UTF-8");
      }
      int second = bytes.get(at + 1) & 0xff;
      int low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
      int high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
      boolean good = second >= low && second <= high;
      for (int i = 2; i < count; i++) {
        good &= (bytes.get(at + i) & 0xC0) == 0x80;
      }
      if (!good) {
        throw new MalformedMessageException(at, name + " is not UTF-8");
      }
      at += count;
    }
  }
}
