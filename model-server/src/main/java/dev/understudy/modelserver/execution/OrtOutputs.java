package dev.understudy.modelserver.execution;

import ai.onnxruntime.OrtSession;
import dev.understudy.proto.tensor.BytesTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The outputs of one run on ONNX Runtime. */
final class OrtOutputs implements BatchOutputs {
  private final OrtSession.Result result;
  private final Value[] values;
  private final long inputNanos;
  private final long inferNanos;

  OrtOutputs(OrtSession.Result result, Value[] values, long inputNanos, long inferNanos) {
    this.result = result;
    this.values = values;
    this.inputNanos = inputNanos;
    this.inferNanos = inferNanos;
  }

  @Override
  public long inputNanos() {
    return inputNanos;
  }

  @Override
  public long inferNanos() {
    return inferNanos;
  }

  @Override
  public long[] shape(int output, int rows) {
    return values[output].shape(rows);
  }

  @Override
  public ByteBuffer data(int output, int fromRow, int rows) {
    return values[output].data(fromRow, rows);
  }

  @Override
  public void close() {
    result.close();
  }

  /** One output: bytes for numbers, elements for strings. */
  static final class Value {
    static final Value ABSENT = new Value(new long[0], null, List.of(), false, 1);

    private final long[] shape;
    private final @Nullable ByteBuffer numbers;
    private final List<byte[]> strings;
    private final boolean batching;
    private final int totalRows;

    private Value(
        long[] shape,
        @Nullable ByteBuffer numbers,
        List<byte[]> strings,
        boolean batching,
        int totalRows) {
      this.shape = shape;
      this.numbers = numbers;
      this.strings = strings;
      this.batching = batching;
      this.totalRows = totalRows;
    }

    static Value numbers(long[] shape, ByteBuffer data, boolean batching, int totalRows) {
      return new Value(shape, data, List.of(), batching, totalRows);
    }

    static Value strings(long[] shape, List<byte[]> elements, boolean batching, int totalRows) {
      return new Value(shape, null, elements, batching, totalRows);
    }

    long[] shape(int rows) {
      long[] part = shape.clone();
      if (batching && part.length > 0) {
        part[0] = rows;
      }
      return part;
    }

    ByteBuffer data(int fromRow, int rows) {
      ByteBuffer all = numbers;
      if (all == null) {
        int perRow = batching ? strings.size() / totalRows : strings.size();
        return batching
            ? BytesTensor.encode(strings.subList(fromRow * perRow, (fromRow + rows) * perRow))
            : BytesTensor.encode(strings);
      }
      if (!batching) {
        return all.slice(all.position(), all.remaining()).order(ByteOrder.LITTLE_ENDIAN);
      }
      int rowBytes = all.remaining() / totalRows;
      return all.slice(all.position() + fromRow * rowBytes, rows * rowBytes)
          .order(ByteOrder.LITTLE_ENDIAN);
    }
  }
}
