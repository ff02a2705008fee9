package dev.understudy.modelserver.execution;

import dev.understudy.proto.tensor.Datatype;
import java.util.List;

/**
 * One input or output as the model file declares it, batch dimension included.
 *
 * @param dims each a size, or -1 when it is known only at run time
 */
public record ModelTensor(String name, Datatype datatype, List<Long> dims) {
  /** Copies the dimensions. */
  public ModelTensor {
    dims = List.copyOf(dims);
  }

  /** Whether the first dimension may be any batch size. */
  public boolean hasOpenFirstDimension() {
    return !dims.isEmpty() && dims.getFirst() == -1;
  }

  @Override
  public String toString() {
    return name + " " + datatype + dims.toString().replace(" ", "");
  }
}
