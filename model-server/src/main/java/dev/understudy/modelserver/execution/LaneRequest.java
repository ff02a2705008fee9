package dev.understudy.modelserver.execution;

import java.nio.ByteBuffer;

/** The inputs of one request, numbered as the model numbers them. */
public interface LaneRequest {
  /** Rows in the batch dimension; 1 for a model without one. */
  int rows();

  /** Shape of an input, batch dimension included. Not to be changed. */
  long[] shape(int input);

  /** Raw little-endian bytes of an input in row-major order; position and limit enclose them. */
  ByteBuffer data(int input);

  /** Whether the answer shall contain this output. */
  boolean wants(int output);
}
