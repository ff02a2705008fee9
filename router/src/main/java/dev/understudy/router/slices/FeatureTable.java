package dev.understudy.router.slices;

import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.tensor.TensorData;
import dev.understudy.proto.tensor.TensorException;
import dev.understudy.proto.tensor.TensorView;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** The input that holds a request's features, laid out as the contract says: rows by columns. */
record FeatureTable(TensorView view, Datatype type, ByteBuffer data, int columns, int rows) {
  /** The table, or null when there is no such input or it is laid out in another way. */
  static @Nullable FeatureTable find(InferRequestView request, String input, int columns) {
    for (int i = 0; i < request.inputCount(); i++) {
      TensorView view = request.input(i);
      if (view.name().equals(input)) {
        return at(request, i, view, columns);
      }
    }
    return null;
  }

  private static @Nullable FeatureTable at(
      InferRequestView request, int index, TensorView view, int columns) {
    Datatype type = view.datatype();
    if (type == null
        || !Elements.numeric(type)
        || view.rank() == 0
        || view.dim(view.rank() - 1) != columns) {
      return null;
    }
    try {
      ByteBuffer data = TensorData.of(request, index);
      int row = columns * type.byteSize();
      return data.remaining() % row != 0
          ? null
          : new FeatureTable(view, type, data, columns, data.remaining() / row);
    } catch (TensorException withheld) {
      return null;
    }
  }

  /** The value of one column in one row. */
  double at(int row, int column) {
    return Elements.at(data, type, (long) row * columns + column);
  }
}
