package dev.understudy.modelkit.onnx;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;

/** What a tensor holds, by the names of the Open Inference Protocol. */
public enum ElementType {
  /** Truth value, one byte. */
  BOOL(DataType.BOOL),
  /** Unsigned, 8 bits. */
  UINT8(DataType.UINT8),
  /** Unsigned, 16 bits; ONNX Runtime's Java API cannot hold it. */
  UINT16(DataType.UINT16),
  /** Unsigned, 32 bits; ONNX Runtime's Java API cannot hold it. */
  UINT32(DataType.UINT32),
  /** Unsigned, 64 bits; ONNX Runtime's Java API cannot hold it. */
  UINT64(DataType.UINT64),
  /** Signed, 8 bits. */
  INT8(DataType.INT8),
  /** Signed, 16 bits. */
  INT16(DataType.INT16),
  /** Signed, 32 bits. */
  INT32(DataType.INT32),
  /** Signed, 64 bits. */
  INT64(DataType.INT64),
  /** IEEE 754 half precision. */
  FP16(DataType.FLOAT16),
  /** IEEE 754 single precision. */
  FP32(DataType.FLOAT),
  /** IEEE 754 double precision. */
  FP64(DataType.DOUBLE),
  /** Strings of bytes; ONNX calls them strings. */
  BYTES(DataType.STRING),
  /** The upper half of single precision. */
  BF16(DataType.BFLOAT16);

  private final DataType onnx;

  ElementType(DataType onnx) {
    this.onnx = onnx;
  }

  int onnx() {
    return onnx.getNumber();
  }

  /** Name in a model configuration, as {@code TYPE_FP32}; bytes are {@code TYPE_STRING} there. */
  public String configName() {
    return this == BYTES ? "TYPE_STRING" : "TYPE_" + name();
  }

  /** Whether ONNX Runtime's Java API can make a tensor of it. */
  public boolean hasJavaTensor() {
    return this != UINT16 && this != UINT32 && this != UINT64;
  }
}
