package dev.understudy.modelserver.execution;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import dev.understudy.proto.tensor.Datatype;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One direct buffer and ONNX Runtime's views of it, one per shape that was used lately. The buffer
 * grows by need and is never given back before {@link #close()}, so that a steady load allocates
 * nothing.
 */
final class ReusedBuffer implements AutoCloseable {
  /** Shapes remembered: batch sizes times lengths, for models with open inner dimensions. */
  private static final int MAX_VIEWS = 128;

  private final OrtEnvironment environment;
  private final Datatype datatype;
  private final Map<Shape, OnnxTensor> views = new LinkedHashMap<>(16, 0.75f, true);
  private ByteBuffer buffer = ByteBuffer.allocateDirect(0).order(ByteOrder.nativeOrder());

  ReusedBuffer(OrtEnvironment environment, Datatype datatype) {
    this.environment = environment;
    this.datatype = datatype;
  }

  /** The first bytes of the buffer, to be written or read; native order. */
  ByteBuffer bytes(int size) {
    reserve(size);
    return buffer.slice(0, size).order(ByteOrder.nativeOrder());
  }

  /** A tensor over the first bytes of the buffer; owned by this object. */
  OnnxTensor view(long[] shape, int size) throws OrtException {
    reserve(size);
    Shape key = new Shape(shape);
    OnnxTensor known = views.get(key);
    if (known != null) {
      return known;
    }
    OnnxTensor made =
        OnnxTensor.createTensor(environment, bytes(size), shape, OrtTypes.javaType(datatype));
    views.put(key, made);
    if (views.size() > MAX_VIEWS) {
      Iterator<OnnxTensor> oldest = views.values().iterator();
      oldest.next().close();
      oldest.remove();
    }
    return made;
  }

  private void reserve(int size) {
    if (size <= buffer.capacity()) {
      return;
    }
    close();
    // Doubling keeps the number of reallocations small while batches grow.
    long doubled = Math.max(size, Math.min(2L * buffer.capacity(), Integer.MAX_VALUE - 8L));
    buffer = ByteBuffer.allocateDirect((int) doubled).order(ByteOrder.nativeOrder());
  }

  /** Releases the views; the buffer stays usable. */
  @Override
  public void close() {
    views.values().forEach(OnnxTensor::close);
    views.clear();
  }

  private static final class Shape {
    private final long[] dims;

    Shape(long[] dims) {
      this.dims = dims.clone();
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Shape that && Arrays.equals(dims, that.dims);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(dims);
    }
  }
}
