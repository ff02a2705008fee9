package dev.understudy.modelkit.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnx.proto.OnnxMl.ModelProto;
import com.google.protobuf.InvalidProtocolBufferException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class OnnxGraphTest {

  private static byte[] doubler(Map<String, String> metadata) {
    var graph = new OnnxGraph("doubler");
    graph.input("x", ElementType.FP32, OnnxGraph.BATCH, OnnxGraph.ANY, 4);
    graph.node("Add", "y", "x", "x");
    graph.output("y", ElementType.FP32, OnnxGraph.BATCH, OnnxGraph.ANY, 4);
    return graph.build(metadata);
  }

  @Test
  void versionsAndDimensionsAreWritten() throws InvalidProtocolBufferException {
    var model = ModelProto.parseFrom(doubler(Map.of()));
    assertEquals(8, model.getIrVersion());
    assertEquals(17, model.getOpsetImport(0).getVersion());
    assertEquals("ai.onnx.ml", model.getOpsetImport(1).getDomain());
    assertEquals(3, model.getOpsetImport(1).getVersion());
    var shape = model.getGraph().getInput(0).getType().getTensorType().getShape();
    assertEquals("N", shape.getDim(0).getDimParam());
    assertTrue(!shape.getDim(1).hasDimParam() && !shape.getDim(1).hasDimValue());
    assertEquals(4, shape.getDim(2).getDimValue());
  }

  @Test
  void theOrderOfMetadataDoesNotChangeTheBytes() {
    var one = new LinkedHashMap<String, String>();
    one.put("a", "1");
    one.put("b", "2");
    var other = new LinkedHashMap<String, String>();
    other.put("b", "2");
    other.put("a", "1");
    assertArrayEquals(doubler(one), doubler(other));
  }

  @Test
  void anAttributeOfNoOnnxTypeIsRefused() {
    var graph = new OnnxGraph("g");
    var failure =
        assertThrows(
            IllegalArgumentException.class, () -> graph.node("Cast", "y", Map.of("to", 1.5), "x"));
    assertTrue(failure.toString().contains("java.lang.Double"), failure::toString);
  }
}
