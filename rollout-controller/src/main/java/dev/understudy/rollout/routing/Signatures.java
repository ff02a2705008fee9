package dev.understudy.rollout.routing;

import dev.understudy.proto.inference.ModelMetadataResponse.TensorMetadata;
import dev.understudy.proto.v1.ModelSignature;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Whether a challenger can stand in for a champion, by what each takes and gives. */
public final class Signatures {
  private Signatures() {}

  /**
   * Why the challenger cannot answer the champion's callers; null if it can. It must take the same
   * inputs and give at least the same outputs.
   */
  public static @Nullable String mismatch(ModelSignature champion, ModelSignature challenger) {
    var mine = champion.getMetadata();
    var theirs = challenger.getMetadata();
    String problem = missing("input", mine.getInputsList(), theirs.getInputsList());
    if (problem == null) {
      problem = missing("output", mine.getOutputsList(), theirs.getOutputsList());
    }
    if (problem == null && theirs.getInputsCount() > mine.getInputsCount()) {
      problem =
          "it takes "
              + theirs.getInputsCount()
              + " inputs (expected: "
              + mine.getInputsCount()
              + ", as the champion does)";
    }
    if (problem == null
        && (champion.getMaxBatchSize() == 0) != (challenger.getMaxBatchSize() == 0)) {
      problem =
          "max_batch_size "
              + challenger.getMaxBatchSize()
              + " (expected: "
              + (champion.getMaxBatchSize() == 0 ? "0" : "more than 0")
              + ", as the champion's shapes are read)";
    }
    return problem;
  }

  private static @Nullable String missing(
      String kind, List<TensorMetadata> wanted, List<TensorMetadata> given) {
    Map<String, TensorMetadata> byName = new HashMap<>();
    given.forEach(tensor -> byName.put(tensor.getName(), tensor));
    for (TensorMetadata tensor : wanted) {
      TensorMetadata other = byName.get(tensor.getName());
      if (other == null) {
        return "it has no " + kind + " '" + tensor.getName() + "'";
      }
      if (!other.getDatatype().equals(tensor.getDatatype())
          || !other.getShapeList().equals(tensor.getShapeList())) {
        return kind
            + " '"
            + tensor.getName()
            + "' is "
            + text(other)
            + " (expected: "
            + text(tensor)
            + ")";
      }
    }
    return null;
  }

  private static String text(TensorMetadata tensor) {
    return tensor.getDatatype() + tensor.getShapeList();
  }
}
