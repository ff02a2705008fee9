package dev.understudy.proto.contract;

import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.InferMessage;
import dev.understudy.proto.tensor.TensorData;
import dev.understudy.proto.tensor.TensorException;
import dev.understudy.proto.tensor.TensorView;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The numbers of one tensor of an answer, in rows along its last dimension; a tensor without
 * dimensions is one row of one. Of the message's bytes as long as nobody changes them.
 */
final class AnswerElements {
  final Keys keys;
  final byte[] data;
  final int from;
  final int width;
  final int rows;

  /** Whether the data is a copy, made of typed contents. */
  final boolean typed;

  private AnswerElements(Keys keys, byte[] data, int from, int width, int rows, boolean typed) {
    this.keys = keys;
    this.data = data;
    this.from = from;
    this.width = width;
    this.rows = rows;
    this.typed = typed;
  }

  /** The tensor of that name, or null when there is none of numbers in whole rows. */
  static @Nullable AnswerElements of(byte[] message, InferMessage answer, byte[] name) {
    for (int i = 0; i < answer.tensorCount(); i++) {
      if (answer.tensor(i).nameIs(name)) {
        return of(message, answer, i);
      }
    }
    return null;
  }

  /** A tensor by position. */
  static @Nullable AnswerElements of(byte[] message, InferMessage answer, int index) {
    TensorView tensor = answer.tensor(index);
    Datatype type = tensor.datatype();
    Keys keys = type == null ? null : Keys.of(type);
    if (keys == null) {
      return null;
    }
    byte[] data = message;
    int from;
    int length;
    boolean typed = tensor.rawIndex() < 0;
    if (typed) {
      try {
        ByteBuffer raw = TensorData.of(answer, index);
        data = raw.array();
        from = raw.arrayOffset() + raw.position();
        length = raw.remaining();
      } catch (TensorException e) {
        return null;
      }
    } else {
      from = answer.rawOffset(tensor.rawIndex());
      length = answer.rawSize(tensor.rawIndex());
    }
    int elements = length / keys.size;
    long width = tensor.rank() == 0 ? 1 : tensor.dim(tensor.rank() - 1);
    if (length % keys.size != 0 || width < 1 || width > elements || elements % width != 0) {
      return null;
    }
    return new AnswerElements(keys, data, from, (int) width, (int) (elements / width), typed);
  }

  double at(int row, int column) {
    return keys.value(keys.at(data, index(row, column)));
  }

  int index(int row, int column) {
    return from + (row * width + column) * keys.size;
  }
}
