package dev.understudy.proto.tensor;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;

/** Writes the few fields that are appended to messages. One thread. */
final class WireWriter {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream(64);

  WireWriter varint(long value) {
    long rest = value;
    while ((rest & ~0x7fL) != 0) {
      out.write((int) ((rest & 0x7f) | 0x80));
      rest >>>= 7;
    }
    out.write((int) rest);
    return this;
  }

  WireWriter bytes(int field, byte[] value) {
    varint((long) field << 3 | WireReader.LENGTH);
    varint(value.length);
    out.writeBytes(value);
    return this;
  }

  WireWriter string(int field, String value) {
    return bytes(field, WireReader.utf8(value));
  }

  /** One entry of {@code parameters}, field 4 of requests and responses. */
  WireWriter parameter(String key, ParameterValue value) {
    WireWriter choice = new WireWriter();
    if (value instanceof ParameterValue.Bool bool) {
      choice.varint(1 << 3 | WireReader.VARINT).varint(bool.value() ? 1 : 0);
    } else if (value instanceof ParameterValue.Int64 signed) {
      choice.varint(2 << 3 | WireReader.VARINT).varint(signed.value());
    } else if (value instanceof ParameterValue.Text text) {
      choice.string(3, text.value());
    } else if (value instanceof ParameterValue.Float64 number) {
      choice
          .varint(4 << 3 | WireReader.FIXED64)
          .fixed64(Double.doubleToRawLongBits(number.value()));
    } else if (value instanceof ParameterValue.UInt64 unsigned) {
      choice.varint(5 << 3 | WireReader.VARINT).varint(unsigned.value());
    }
    return bytes(4, new WireWriter().string(1, key).bytes(2, choice.toArray()).toArray());
  }

  private void fixed64(long value) {
    for (int shift = 0; shift < 64; shift += 8) {
      out.write((int) (value >>> shift) & 0xff);
    }
  }

  byte[] toArray() {
    return out.toByteArray();
  }

  /** The message from position to limit, then the suffix; the message keeps its position. */
  static ByteBuffer concat(ByteBuffer message, byte[] suffix) {
    long size = (long) message.remaining() + suffix.length;
    if (size > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException("message of " + size + " bytes, over 2 GiB");
    }
    return ByteBuffer.allocate((int) size).put(message.duplicate()).put(suffix).flip();
  }
}
