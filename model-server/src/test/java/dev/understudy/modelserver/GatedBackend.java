package dev.understudy.modelserver;

import dev.understudy.modelserver.execution.BatchOutputs;
import dev.understudy.modelserver.execution.ExecutionLane;
import dev.understudy.modelserver.execution.ExecutionOptions;
import dev.understudy.modelserver.execution.InferenceBackend;
import dev.understudy.modelserver.execution.InferenceException;
import dev.understudy.modelserver.execution.LaneRequest;
import dev.understudy.modelserver.execution.LoadedModel;
import dev.understudy.modelserver.execution.ModelLoadException;
import dev.understudy.modelserver.execution.ModelTensor;
import dev.understudy.modelserver.execution.OrtBackend;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** ONNX Runtime behind a gate: while it is closed, runs stand still before they begin. */
final class GatedBackend implements InferenceBackend {
  private static final int OPEN = 1_000_000;

  private final OrtBackend ort = new OrtBackend();
  private final Semaphore gate = new Semaphore(OPEN);
  private final Semaphore arrivals = new Semaphore(0);

  void shut() {
    gate.drainPermits();
    arrivals.drainPermits();
  }

  void open() {
    gate.release(OPEN);
  }

  /** Waits until a run stands before the gate. */
  void awaitRun() throws InterruptedException {
    if (!arrivals.tryAcquire(10, TimeUnit.SECONDS)) {
      throw new AssertionError("no run has come");
    }
  }

  @Override
  public LoadedModel load(Path file, ExecutionOptions options) throws ModelLoadException {
    LoadedModel model = ort.load(file, options);
    return new LoadedModel() {
      @Override
      public List<ModelTensor> inputs() {
        return model.inputs();
      }

      @Override
      public List<ModelTensor> outputs() {
        return model.outputs();
      }

      @Override
      public ExecutionLane newLane(boolean batching) {
        return gated(model.newLane(batching));
      }

      @Override
      public void close() {
        model.close();
      }
    };
  }

  private ExecutionLane gated(ExecutionLane lane) {
    return new ExecutionLane() {
      @Override
      public BatchOutputs run(List<? extends LaneRequest> batch) throws InferenceException {
        arrivals.release();
        gate.acquireUninterruptibly();
        return lane.run(batch);
      }

      @Override
      public void close() {
        lane.close();
      }
    };
  }
}
