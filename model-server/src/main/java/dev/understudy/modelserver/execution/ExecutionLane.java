package dev.understudy.modelserver.execution;

import java.util.List;

/** Runs one batch at a time, with buffers of its own. Used by one thread at a time. */
public interface ExecutionLane extends AutoCloseable {
  /**
   * Gathers the inputs, runs the model, and offers the outputs. All requests of a batch have the
   * same shapes but for the batch dimension; a lane that does not batch takes exactly one request.
   *
   * @return outputs that stay valid until they are closed, which must happen before the next run
   * @throws InferenceException when the model fails on these inputs
   */
  BatchOutputs run(List<? extends LaneRequest> batch) throws InferenceException;

  @Override
  void close();
}
