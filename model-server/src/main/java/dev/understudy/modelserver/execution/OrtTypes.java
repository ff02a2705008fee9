package dev.understudy.modelserver.execution;

import ai.onnxruntime.MapInfo;
import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.SequenceInfo;
import ai.onnxruntime.TensorInfo;
import ai.onnxruntime.ValueInfo;
import dev.understudy.proto.tensor.Datatype;
import java.util.Arrays;

/** ONNX Runtime's types and the protocol's, and what cannot pass between them. */
final class OrtTypes {
  private OrtTypes() {}

  /** Reads the declaration of one input or output. */
  static ModelTensor tensor(String kind, NodeInfo node) throws ModelLoadException {
    String what = kind + " '" + node.getName() + "'";
    return switch (node.getInfo()) {
      case TensorInfo info ->
          new ModelTensor(
              node.getName(),
              datatype(what, info),
              Arrays.stream(info.getShape()).map(dim -> Math.max(dim, -1)).boxed().toList());
      case SequenceInfo info when info.isSequenceOfMaps() -> throw zipMap(what, "sequence of maps");
      case MapInfo info -> throw zipMap(what, "map");
      case SequenceInfo info ->
          throw new ModelLoadException(
              what
                  + " is a sequence; only tensors can be served: export each element as an output");
      case ValueInfo info ->
          throw new ModelLoadException(
              what + " is a " + info.getClass().getSimpleName() + "; only tensors can be served");
    };
  }

  private static ModelLoadException zipMap(String what, String type) {
    return new ModelLoadException(
        what
            + " is a "
            + type
            + " (ZipMap), which the protocol cannot carry:"
            + " re-export with zipmap=False so that the probabilities are a tensor");
  }

  private static Datatype datatype(String what, TensorInfo info) throws ModelLoadException {
    return switch (info.onnxType) {
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL -> Datatype.BOOL;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8 -> Datatype.UINT8;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8 -> Datatype.INT8;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16 -> Datatype.INT16;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32 -> Datatype.INT32;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 -> Datatype.INT64;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 -> Datatype.FP16;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT -> Datatype.FP32;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE -> Datatype.FP64;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING -> Datatype.BYTES;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16 -> Datatype.BF16;
      default ->
          throw new ModelLoadException(
              what
                  + " has type "
                  + info.onnxType.name().replace("ONNX_TENSOR_ELEMENT_DATA_TYPE_", "")
                  + ", which ONNX Runtime's Java interface cannot pass: add a Cast to INT32, INT64"
                  + " or FLOAT at the model's edge and export again");
    };
  }

  /** The Java type of a datatype that {@link #tensor} has let through. */
  static OnnxJavaType javaType(Datatype datatype) {
    return switch (datatype) {
      case BOOL -> OnnxJavaType.BOOL;
      case UINT8 -> OnnxJavaType.UINT8;
      case INT8 -> OnnxJavaType.INT8;
      case INT16 -> OnnxJavaType.INT16;
      case INT32 -> OnnxJavaType.INT32;
      case INT64 -> OnnxJavaType.INT64;
      case FP16 -> OnnxJavaType.FLOAT16;
      case BF16 -> OnnxJavaType.BFLOAT16;
      case FP32 -> OnnxJavaType.FLOAT;
      case FP64 -> OnnxJavaType.DOUBLE;
      case BYTES -> OnnxJavaType.STRING;
      case UINT16, UINT32, UINT64 ->
          throw new IllegalArgumentException(
              "datatype: " + datatype + " (expected: refused at load)");
    };
  }
}
