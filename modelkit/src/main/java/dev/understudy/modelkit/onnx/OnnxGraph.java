package dev.understudy.modelkit.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.AttributeProto.AttributeType;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;

/**
 * Writes an ONNX model from top to bottom: inputs, then operators in order, each named by the value
 * that it gives, then outputs. Operator set 17, {@code ai.onnx.ml} 3, IR version 8.
 *
 * <pre>{@code
 * var graph = new OnnxGraph("doubler");
 * graph.input("x", FP32, BATCH, 4);
 * graph.node("Add", "y", "x", "x");
 * graph.output("y", FP32, BATCH, 4);
 * byte[] model = graph.build(Map.of());
 * }</pre>
 *
 * <p>What the graph means is checked by whoever loads it. Not for use by several threads.
 */
public final class OnnxGraph {
  /** A dimension that is the number of rows, and differs from call to call. */
  public static final long BATCH = -1;

  /** Any other dimension that differs from call to call. */
  public static final long ANY = -2;

  private static final String ML_DOMAIN = "ai.onnx.ml";

  private final GraphProto.Builder graph = GraphProto.newBuilder();
  private int constants;

  /** An empty graph of this name. */
  public OnnxGraph(String name) {
    graph.setName(name);
  }

  /** Adds an input. */
  public void input(String name, ElementType type, long... shape) {
    graph.addInput(value(name, tensor(type, shape)));
  }

  /** Names a value as an output. */
  public void output(String name, ElementType type, long... shape) {
    graph.addOutput(value(name, tensor(type, shape)));
  }

  /** Names a value as an output that is a list of maps from string to float, one per row. */
  public void mapOutput(String name) {
    var map =
        TypeProto.Map.newBuilder()
            .setKeyType(ElementType.BYTES.onnx())
            .setValueType(tensor(ElementType.FP32));
    var sequence =
        TypeProto.Sequence.newBuilder().setElemType(TypeProto.newBuilder().setMapType(map));
    graph.addOutput(value(name, TypeProto.newBuilder().setSequenceType(sequence).build()));
  }

  /** Adds a constant and returns its name. */
  public String constant(float[] values, long... shape) {
    return initializer(ElementType.FP32, raw(values), shape);
  }

  /** Adds a constant and returns its name. */
  public String constant(long[] values, long... shape) {
    ByteBuffer bytes = littleEndian(Math.multiplyExact(values.length, Long.BYTES));
    bytes.asLongBuffer().put(values);
    return initializer(ElementType.INT64, bytes, shape);
  }

  /** Adds a constant and returns its name. */
  public String constant(boolean[] values, long... shape) {
    ByteBuffer bytes = littleEndian(values.length);
    for (boolean value : values) {
      bytes.put((byte) (value ? 1 : 0));
    }
    return initializer(ElementType.BOOL, bytes.rewind(), shape);
  }

  /** Adds an operator with one output and no attributes; returns the output's name. */
  public String node(String operator, String output, String... inputs) {
    return node(operator, output, Map.of(), inputs);
  }

  /**
   * Adds an operator with one output; returns the output's name.
   *
   * @param attributes each a long, float, String, {@code long[]}, {@code float[]}, {@code
   *     List<String>} or {@link ElementType}
   */
  public String node(String operator, String output, Map<String, ?> attributes, String... inputs) {
    return add(NodeProto.newBuilder().setOpType(operator), output, attributes, inputs);
  }

  /** As {@link #node(String, String, Map, String...)}, for an operator of {@code ai.onnx.ml}. */
  public String mlNode(
      String operator, String output, Map<String, ?> attributes, String... inputs) {
    var node = NodeProto.newBuilder().setOpType(operator).setDomain(ML_DOMAIN);
    return add(node, output, attributes, inputs);
  }

  /**
   * The model, serialised.
   *
   * @param metadata what goes with the model, such as its {@linkplain ModelCard card}
   */
  public byte[] build(Map<String, String> metadata) {
    var model =
        ModelProto.newBuilder()
            .setIrVersion(8)
            .setProducerName("understudy-modelkit")
            .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(17))
            .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain(ML_DOMAIN).setVersion(3))
            .setGraph(graph);
    metadata.entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .forEach(entry ->
            model.addMetadataProps(
                StringStringEntryProto.newBuilder()
                    .setKey(entry.getKey())
                    .setValue(entry.getValue())));
    return model.build().toByteArray();
  }

  private String add(
      NodeProto.Builder node, String output, Map<String, ?> attributes, String... inputs) {
    node.setName(output).addOutput(output).addAllInput(List.of(inputs));
    attributes.entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .forEach(entry -> node.addAttribute(attribute(entry.getKey(), entry.getValue())));
    graph.addNode(node);
    return output;
  }

  private static AttributeProto attribute(String name, Object value) {
    var attribute = AttributeProto.newBuilder().setName(name);
    switch (value) {
      case Long number -> attribute.setType(AttributeType.INT).setI(number);
      case Float number -> attribute.setType(AttributeType.FLOAT).setF(number);
      case String text -> attribute.setType(AttributeType.STRING).setS(utf8(text));
      case ElementType type -> attribute.setType(AttributeType.INT).setI(type.onnx());
      case long[] numbers -> {
        attribute.setType(AttributeType.INTS);
        for (long number : numbers) {
          attribute.addInts(number);
        }
      }
      case float[] numbers -> {
        attribute.setType(AttributeType.FLOATS);
        for (float number : numbers) {
          attribute.addFloats(number);
        }
      }
      case List<?> texts -> {
        attribute.setType(AttributeType.STRINGS);
        texts.forEach(text -> attribute.addStrings(utf8((String) text)));
      }
      default ->
          throw new IllegalArgumentException(
              "attribute " + name + " is a " + value.getClass() + ", which ONNX does not have");
    }
    return attribute.build();
  }

  private static ByteString utf8(String text) {
    return ByteString.copyFromUtf8(text);
  }

  private String initializer(ElementType type, ByteBuffer bytes, long... shape) {
    String name = "constant_" + constants++;
    var tensor = TensorProto.newBuilder().setName(name).setDataType(type.onnx());
    for (long dimension : shape) {
      tensor.addDims(dimension);
    }
    graph.addInitializer(tensor.setRawData(ByteString.copyFrom(bytes)));
    return name;
  }

  private static ByteBuffer raw(float[] values) {
    ByteBuffer bytes = littleEndian(Math.multiplyExact(values.length, Float.BYTES));
    bytes.asFloatBuffer().put(values);
    return bytes;
  }

  private static ByteBuffer littleEndian(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static ValueInfoProto value(String name, TypeProto type) {
    return ValueInfoProto.newBuilder().setName(name).setType(type).build();
  }

  private static TypeProto tensor(ElementType type, long... shape) {
    var dimensions = TensorShapeProto.newBuilder();
    for (long dimension : shape) {
      var builder = dimensions.addDimBuilder(); // stays empty for any size
      if (dimension == BATCH) {
        builder.setDimParam("N");
      } else if (dimension != ANY) {
        builder.setDimValue(dimension);
      }
    }
    return TypeProto.newBuilder()
        .setTensorType(TypeProto.Tensor.newBuilder().setElemType(type.onnx()).setShape(dimensions))
        .build();
  }
}
