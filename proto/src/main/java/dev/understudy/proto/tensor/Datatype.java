package dev.understudy.proto.tensor;

import dev.understudy.proto.inference.DataType;
import org.jspecify.annotations.Nullable;

/**
 * The element types of the Open Inference Protocol. The constants bear their names on the wire; in
 * a model configuration {@link #BYTES} is called {@code TYPE_STRING}.
 */
public enum Datatype {
  /** One byte per element, 0 or 1. */
  BOOL(1, 1, DataType.TYPE_BOOL),
  /** Unsigned, one byte. */
  UINT8(1, 4, DataType.TYPE_UINT8),
  /** Unsigned, two bytes. */
  UINT16(2, 4, DataType.TYPE_UINT16),
  /** Unsigned, four bytes. */
  UINT32(4, 4, DataType.TYPE_UINT32),
  /** Unsigned, eight bytes. */
  UINT64(8, 5, DataType.TYPE_UINT64),
  /** Signed, one byte. */
  INT8(1, 2, DataType.TYPE_INT8),
  /** Signed, two bytes. */
  INT16(2, 2, DataType.TYPE_INT16),
  /** Signed, four bytes. */
  INT32(4, 2, DataType.TYPE_INT32),
  /** Signed, eight bytes. */
  INT64(8, 3, DataType.TYPE_INT64),
  /** IEEE 754 binary16; raw contents only. See {@link Half}. */
  FP16(2, 0, DataType.TYPE_FP16),
  /** IEEE 754 binary32. */
  FP32(4, 6, DataType.TYPE_FP32),
  /** IEEE 754 binary64. */
  FP64(8, 7, DataType.TYPE_FP64),
  /** Byte strings, each after its length as a little-endian uint32. */
  BYTES(0, 8, DataType.TYPE_STRING),
  /** The upper half of a binary32; raw contents only. See {@link BFloat16}. */
  BF16(2, 0, DataType.TYPE_BF16);

  private static final Datatype[] ALL = values();

  private final int byteSize;
  private final int typedField;
  private final DataType configType;

  Datatype(int byteSize, int typedField, DataType configType) {
    this.byteSize = byteSize;
    this.typedField = typedField;
    this.configType = configType;
  }

  /** Bytes per element; 0 for {@link #BYTES}, whose elements differ in size. */
  public int byteSize() {
    return byteSize;
  }

  /** The name in {@code datatype} fields. */
  public String wireName() {
    return name();
  }

  /** Field number in {@code InferTensorContents}; 0 when only raw contents can carry the type. */
  public int typedField() {
    return typedField;
  }

  /** The same type in a model configuration. */
  public DataType configType() {
    return configType;
  }

  /** The type of that exact wire name, or null. */
  public static @Nullable Datatype of(String wireName) {
    for (Datatype type : ALL) {
      if (type.name().equals(wireName)) {
        return type;
      }
    }
    return null;
  }

  /** The type of a model configuration, or null for {@code TYPE_INVALID} and unknown numbers. */
  public static @Nullable Datatype of(DataType configType) {
    for (Datatype type : ALL) {
      if (type.configType == configType) {
        return type;
      }
    }
    return null;
  }

  /** As {@link #of(String)}, for a name still in the message. */
  static @Nullable Datatype at(WireReader.Source source, long range) {
    for (Datatype type : ALL) {
      if (source.matches(range, type.name())) {
        return type;
      }
    }
    return null;
  }
}
