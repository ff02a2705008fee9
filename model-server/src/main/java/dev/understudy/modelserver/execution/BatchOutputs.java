package dev.understudy.modelserver.execution;

import java.nio.ByteBuffer;

/**
 * What a batch has produced. Read by the thread that ran it, until {@link #close()} gives the
 * buffers back to the lane.
 */
public interface BatchOutputs extends AutoCloseable {
  /** Nanoseconds spent gathering the inputs. */
  long inputNanos();

  /** Nanoseconds spent in the model. */
  long inferNanos();

  /**
   * Shape of some rows of an output.
   *
   * @param output an output that some request of the batch wants
   * @param rows how many; ignored when the model has no batch dimension
   */
  long[] shape(int output, int rows);

  /**
   * Some rows of an output as raw little-endian bytes; BYTES elements with their lengths. A view
   * where possible, valid until close.
   *
   * @param fromRow the first row; ignored, like {@code rows}, without a batch dimension
   */
  ByteBuffer data(int output, int fromRow, int rows);

  @Override
  void close();
}
