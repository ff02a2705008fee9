package dev.understudy.modelserver.execution;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.telemetry.TraceContext;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.modelserver.statistics.VersionStatistics;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Runs batches on one lane and sees to it that each request is answered. When a batch of several
 * requests fails, each runs once more by itself, so that only those fail that are at fault. Used by
 * one thread.
 */
public final class BatchRunner implements AutoCloseable {
  private static final Logger log = Logger.getLogger(BatchRunner.class.getName());

  private final String model;
  private final ExecutionLane lane;
  private final VersionStatistics statistics;
  private final TimeSource time;

  /**
   * Takes over the lane.
   *
   * @param model as texts name it
   */
  public BatchRunner(
      String model, ExecutionLane lane, VersionStatistics statistics, TimeSource time) {
    this.model = model;
    this.lane = lane;
    this.statistics = statistics;
    this.time = time;
  }

  /**
   * Answers every request of the batch.
   *
   * @return nanoseconds that the run took
   */
  public long run(List<? extends InferenceJob> batch) {
    long sealedNanos = time.nanoTime();
    List<? extends InferenceJob> wanted = dropExpired(batch, sealedNanos);
    if (!wanted.isEmpty() && !tryRun(wanted, sealedNanos)) {
      // The same requests, one by one: those that are not at fault get their answers.
      wanted.forEach(job -> tryRun(List.of(job), sealedNanos));
    }
    return time.nanoTime() - sealedNanos;
  }

  private List<? extends InferenceJob> dropExpired(
      List<? extends InferenceJob> batch, long nowNanos) {
    List<? extends InferenceJob> wanted =
        batch.stream()
            .filter(job ->
                job.deadlineNanos() == InferenceJob.NO_DEADLINE
                    || job.deadlineNanos() - nowNanos > 0)
            .toList();
    if (wanted.size() < batch.size()) {
      batch.stream().filter(job -> !wanted.contains(job)).forEach(job -> fail(job, job.expired()));
    }
    return wanted;
  }

  /** False when several requests failed together and none has been told yet. */
  private boolean tryRun(List<? extends InferenceJob> batch, long sealedNanos) {
    int told = 0;
    try (BatchOutputs outputs = lane.run(batch)) {
      long scatterNanos = time.nanoTime();
      int rows = batch.stream().mapToInt(InferenceJob::rows).sum();
      var timing =
          new BatchTiming(
              sealedNanos, outputs.inputNanos(), outputs.inferNanos(), rows, traced(batch));
      int row = 0;
      for (InferenceJob job : batch) {
        answer(job, outputs, row, timing);
        told++;
        row += job.rows();
      }
      statistics.executed(
          rows, outputs.inputNanos(), outputs.inferNanos(), time.nanoTime() - scatterNanos);
      return true;
    } catch (InferenceException e) {
      if (batch.size() > 1) {
        return false;
      }
      fail(batch.getFirst(), fault(e));
      return true;
    } catch (RuntimeException | Error e) {
      // An Error too (memory, stack, linkage): it says that this run failed, not that the next one
      // will, and a thread that died of it would leave its queue without an instance.
      if (told == 0 && batch.size() > 1) {
        return false;
      }
      log.log(Level.WARNING, "Model '" + model + "' failed unexpectedly", e);
      Fault fault =
          Fault.of(
                  Status.Code.INTERNAL,
                  "EXECUTION_FAILED",
                  "failed to run model '" + model + "'; the server's log has the cause")
              .cause(e);
      batch.subList(told, batch.size()).forEach(job -> fail(job, fault));
      return true;
    }
  }

  private static List<TraceContext> traced(List<? extends InferenceJob> batch) {
    List<TraceContext> traced = List.of();
    for (InferenceJob job : batch) {
      TraceContext span = job.traced();
      if (span != null) {
        if (traced.isEmpty()) {
          traced = new ArrayList<>();
        }
        traced.add(span);
      }
    }
    return traced;
  }

  private void answer(InferenceJob job, BatchOutputs outputs, int row, BatchTiming timing) {
    try {
      job.answer(outputs, row, timing);
    } catch (RuntimeException | Error e) {
      // One answer that cannot be encoded must not cost the others theirs.
      log.log(Level.WARNING, "An answer of model '" + model + "' could not be encoded", e);
      fail(
          job,
          Fault.of(
                  Status.Code.INTERNAL,
                  "ENCODING_FAILED",
                  "failed to encode the answer of model '" + model + "'")
              .cause(e));
    }
  }

  /** One caller that cannot be told must not keep the news from the others. */
  private void fail(InferenceJob job, Fault fault) {
    try {
      job.fail(fault);
    } catch (RuntimeException | Error e) {
      log.log(Level.WARNING, "A failure of model '" + model + "' could not be told", e);
    }
  }

  private Fault fault(InferenceException e) {
    return e.isBadInput()
        ? Fault.of(
            Status.Code.INVALID_ARGUMENT, "INVALID_INPUT", e.text() + " for model '" + model + "'")
        : Fault.of(
            Status.Code.INTERNAL,
            "EXECUTION_FAILED",
            "failed to run model '" + model + "': " + e.text());
  }

  @Override
  public void close() {
    lane.close();
  }
}
