package dev.understudy.launcher.offline;

import dev.understudy.launcher.offline.OfflineException.Kind;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.inference.ModelMetadataResponse.TensorMetadata;
import java.util.List;

/** Whether two versions can be asked the same question. */
final class Signatures {
  private Signatures() {}

  /**
   * Both must take the same inputs; outputs may differ, that is for the comparison to find.
   *
   * @throws OfflineException with the first input that differs
   */
  static void check(Pairing pairing, ModelMetadataResponse a, ModelMetadataResponse b)
      throws OfflineException {
    String names = pairing.champion().shownAs() + " and " + pairing.challenger().shownAs();
    if (a.getInputsCount() != b.getInputsCount()) {
      throw new OfflineException(
          Kind.MODEL,
          names
              + " take different inputs: "
              + shown(a.getInputsList())
              + " and "
              + shown(b.getInputsList()));
    }
    for (TensorMetadata input : a.getInputsList()) {
      TensorMetadata other =
          b.getInputsList().stream()
              .filter(candidate -> candidate.getName().equals(input.getName()))
              .findFirst()
              .orElse(null);
      if (other == null || !fits(input, other)) {
        throw new OfflineException(
            Kind.MODEL,
            names
                + " take different inputs: "
                + shown(List.of(input))
                + " and "
                + (other == null ? shown(b.getInputsList()) : shown(List.of(other))));
      }
    }
  }

  private static boolean fits(TensorMetadata a, TensorMetadata b) {
    if (!a.getDatatype().equals(b.getDatatype()) || a.getShapeCount() != b.getShapeCount()) {
      return false;
    }
    for (int i = 0; i < a.getShapeCount(); i++) {
      if (a.getShape(i) != b.getShape(i) && a.getShape(i) != -1 && b.getShape(i) != -1) {
        return false;
      }
    }
    return true;
  }

  private static String shown(List<TensorMetadata> inputs) {
    return String.join(
        ", ",
        inputs.stream()
            .map(input -> input.getName() + " " + input.getDatatype() + input.getShapeList())
            .toList());
  }
}
