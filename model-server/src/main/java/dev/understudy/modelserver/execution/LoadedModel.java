package dev.understudy.modelserver.execution;

import java.util.List;

/** A model in memory. Safe for use by any thread, but its lanes are not. */
public interface LoadedModel extends AutoCloseable {
  /** The inputs, in the model's order. */
  List<ModelTensor> inputs();

  /** The outputs, in the model's order. */
  List<ModelTensor> outputs();

  /**
   * A new lane. Lanes run side by side and share the weights.
   *
   * @param batching whether the first dimension of every tensor is the batch
   */
  ExecutionLane newLane(boolean batching);

  /** Releases the memory. All lanes must have been closed. */
  @Override
  void close();
}
