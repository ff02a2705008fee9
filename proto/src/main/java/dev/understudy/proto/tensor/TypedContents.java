package dev.understudy.proto.tensor;

import java.nio.ByteBuffer;

/** Walks {@code InferTensorContents}: checks it, counts elements, writes them in raw form. */
final class TypedContents {
  private static final int BOOL = 1;
  private static final int FP32 = 6;
  private static final int FP64 = 7;
  private static final int BYTES = 8;

  private TypedContents() {}

  /** Checks one {@code contents} field at the reader's position and returns its range. */
  static long check(WireReader reader, int tag) {
    int outer = reader.enter(tag, "contents");
    int start = reader.position();
    while (reader.hasMore()) {
      int inner = reader.tag();
      int field = WireReader.field(inner);
      if (field <= FP64) {
        takeRun(reader, inner, field);
      } else if (field == BYTES) {
        reader.bytes(inner, "bytes_contents");
      } else {
        reader.skip(inner);
      }
    }
    reader.leave(outer);
    return (long) start << 32 | (reader.position() - start);
  }

  /** Takes one numeric field, a single value or a packed run; returns how many elements it had. */
  private static long takeRun(WireReader reader, int tag, int field) {
    int single =
        field == FP32 ? WireReader.FIXED32 : field == FP64 ? WireReader.FIXED64 : WireReader.VARINT;
    if (WireReader.wireType(tag) == single) {
      reader.skip(tag);
      return 1;
    }
    if (single != WireReader.VARINT) {
      int length = WireReader.length(reader.bytes(tag, "contents"));
      int size = field == FP32 ? 4 : 8;
      if (length % size != 0) {
        throw reader.malformed("packed contents end within an element");
      }
      return length / size;
    }
    int outer = reader.enter(tag, "contents");
    long count = 0;
    while (reader.hasMore()) {
      reader.varint();
      count++;
    }
    reader.leave(outer);
    return count;
  }

  /** Elements in the field that belongs to the datatype; 0 for FP16 and BF16, which have none. */
  static long count(TensorView tensor, Datatype type) {
    long count = 0;
    for (long range : tensor.contents()) {
      WireReader reader = tensor.source().reader(range);
      while (reader.hasMore()) {
        int tag = reader.tag();
        if (WireReader.field(tag) != type.typedField()) {
          reader.skip(tag);
        } else if (type == Datatype.BYTES) {
          reader.skip(tag);
          count++;
        } else {
          count += takeRun(reader, tag, type.typedField());
        }
      }
    }
    return count;
  }

  /** Size of the raw form in bytes. */
  static long rawSize(TensorView tensor, Datatype type) {
    if (type != Datatype.BYTES) {
      return count(tensor, type) * type.byteSize();
    }
    long size = 0;
    for (long range : tensor.contents()) {
      WireReader reader = tensor.source().reader(range);
      while (reader.hasMore()) {
        int tag = reader.tag();
        if (WireReader.field(tag) == BYTES) {
          size += 4L + WireReader.length(reader.bytes(tag, "bytes_contents"));
        } else {
          reader.skip(tag);
        }
      }
    }
    return size;
  }

  /** Writes the raw form; the target is little-endian and has {@link #rawSize} bytes left. */
  static void write(TensorView tensor, Datatype type, ByteBuffer target) {
    for (long range : tensor.contents()) {
      WireReader reader = tensor.source().reader(range);
      while (reader.hasMore()) {
        int tag = reader.tag();
        if (WireReader.field(tag) != type.typedField()) {
          reader.skip(tag);
        } else if (WireReader.wireType(tag) == WireReader.LENGTH) {
          writeRun(tensor.source(), reader.bytes(tag, "contents"), type, target);
        } else {
          writeOne(reader, type, target);
        }
      }
    }
  }

  private static void writeRun(
      WireReader.Source source, long range, Datatype type, ByteBuffer target) {
    switch (type.typedField()) {
      case FP32, FP64 -> target.put(source.slice(range));
      case BYTES -> target.putInt(WireReader.length(range)).put(source.slice(range));
      default -> {
        WireReader run = source.reader(range);
        while (run.hasMore()) {
          writeOne(run, type, target);
        }
      }
    }
  }

  private static void writeOne(WireReader reader, Datatype type, ByteBuffer target) {
    switch (type.typedField()) {
      case BOOL -> target.put((byte) (reader.varint() != 0 ? 1 : 0));
      case FP32 -> target.putInt(reader.fixed32());
      case FP64 -> target.putLong(reader.fixed64());
      default -> {
        long value = reader.varint();
        switch (type.byteSize()) {
          case 1 -> target.put((byte) value);
          case 2 -> target.putShort((short) value);
          case 4 -> target.putInt((int) value);
          default -> target.putLong(value);
        }
      }
    }
  }
}
