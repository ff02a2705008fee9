package dev.understudy.launcher.offline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.v1.DataContract;
import java.io.IOException;
import java.io.StringReader;
import java.util.List;
import java.util.Set;

/** Whatever a file holds and a server says about its model, the answer is a request or a reason. */
class RowsFuzzTest {
  @FuzzTest(maxDuration = "60s")
  void anyTableBecomesRequestsOrAReason(FuzzedDataProvider input) throws IOException {
    ModelMetadataResponse.Builder model = ModelMetadataResponse.newBuilder().setName("m");
    int inputs = input.consumeInt(0, 3);
    for (int i = 0; i < inputs; i++) {
      var tensor =
          ModelMetadataResponse.TensorMetadata.newBuilder()
              .setName(input.pickValue(List.of("x", "a", "b")))
              .setDatatype(input.pickValue(Datatype.values()).wireName());
      int rank = input.consumeInt(0, 3);
      for (int d = 0; d < rank; d++) {
        tensor.addShape(input.consumeInt(-1, 4));
      }
      model.addInputs(tensor);
    }
    String text = input.consumeRemainingAsString();
    try (Rows rows = Rows.of("f", new StringReader(text), ',')) {
      Layout layout = Layout.of(rows, model.build(), DataContract.getDefaultInstance(), Set.of());
      for (Rows.Row row = rows.next(); row != null; row = rows.next()) {
        byte[][] encoded = layout.encode(rows, row);
        ModelInferRequest request = layout.request(List.<byte[][]>of(encoded));
        assertEquals(model.getInputsCount(), request.getInputsCount());
        assertTrue(row.line() >= 1);
      }
    } catch (OfflineException e) {
      assertTrue(e.getMessage() != null && !e.getMessage().isEmpty());
    }
  }
}
