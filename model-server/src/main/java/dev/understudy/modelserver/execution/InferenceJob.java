package dev.understudy.modelserver.execution;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.telemetry.TraceContext;
import dev.understudy.modelserver.batching.QueuedRequest;
import org.jspecify.annotations.Nullable;

/**
 * A request on its way through queue and lane. Exactly one of {@link #answer} and {@link #fail} is
 * called, by the instance that took it; neither may block.
 */
public interface InferenceJob extends QueuedRequest, LaneRequest {
  /** Takes the answer: some rows of a batch's outputs, to be copied before this returns. */
  void answer(BatchOutputs outputs, int fromRow, BatchTiming timing);

  /** The request's span when it is traced, or null. */
  default @Nullable TraceContext traced() {
    return null;
  }

  /** What the caller is told when its deadline has passed before it could be run. */
  Fault expired();

  /** Takes the news that there will be no answer. */
  void fail(Fault fault);
}
