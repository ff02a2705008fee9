package dev.understudy.modelserver.statistics;

import dev.understudy.proto.inference.InferBatchStatistics;
import dev.understudy.proto.inference.InferStatistics;
import dev.understudy.proto.inference.ModelStatistics;
import dev.understudy.proto.inference.StatisticDuration;
import java.util.EnumMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Counts of one model version since it became ready, as {@code ModelStatistics} and the metrics
 * page report them. Safe for use by any thread; every update takes one short lock, so that a
 * snapshot is consistent.
 */
public final class VersionStatistics {
  private final Duration success = new Duration();
  private final Duration failure = new Duration();
  private final Duration queue = new Duration();
  private final Duration input = new Duration();
  private final Duration infer = new Duration();
  private final Duration output = new Duration();
  private final TreeMap<Integer, BatchDurations> batches = new TreeMap<>();
  private final Map<FailureReason, Long> failures = new EnumMap<>(FailureReason.class);
  private long lastInferenceMillis;
  private long inferences;
  private long executions;

  /** Why a request was not answered, in the words of the metric's label. */
  public enum FailureReason {
    /** Queue full, or waited too long. */
    REJECTED,
    /** The caller went away. */
    CANCELED,
    /** The model failed. */
    BACKEND,
    /** All else. */
    OTHER
  }

  /** A batch has run; {@code outputNanos} is the time in which its answers were encoded. */
  public synchronized void executed(int rows, long inputNanos, long inferNanos, long outputNanos) {
    executions++;
    BatchDurations batch = batches.computeIfAbsent(rows, size -> new BatchDurations());
    batch.input.add(inputNanos);
    batch.infer.add(inferNanos);
    batch.output.add(outputNanos);
  }

  /** A request has been answered. */
  public synchronized void succeeded(
      int rows,
      long wallMillis,
      long totalNanos,
      long queueNanos,
      long inputNanos,
      long inferNanos,
      long outputNanos) {
    inferences += rows;
    lastInferenceMillis = Math.max(lastInferenceMillis, wallMillis);
    success.add(totalNanos);
    queue.add(queueNanos);
    input.add(inputNanos);
    infer.add(inferNanos);
    output.add(outputNanos);
  }

  /** A request has not been answered. */
  public synchronized void failed(FailureReason reason, long totalNanos) {
    failures.merge(reason, 1L, Long::sum);
    failure.add(totalNanos);
  }

  /** How many requests failed for a reason. */
  public synchronized long failures(FailureReason reason) {
    return failures.getOrDefault(reason, 0L);
  }

  /** Everything, as the protocol states it. */
  public synchronized ModelStatistics snapshot(String model, long version) {
    ModelStatistics.Builder statistics =
        ModelStatistics.newBuilder()
            .setName(model)
            .setVersion(Long.toString(version))
            .setLastInference(lastInferenceMillis)
            .setInferenceCount(inferences)
            .setExecutionCount(executions)
            .setInferenceStats(
                InferStatistics.newBuilder()
                    .setSuccess(success.proto())
                    .setFail(failure.proto())
                    .setQueue(queue.proto())
                    .setComputeInput(input.proto())
                    .setComputeInfer(infer.proto())
                    .setComputeOutput(output.proto())
                    .setCacheHit(StatisticDuration.getDefaultInstance())
                    .setCacheMiss(StatisticDuration.getDefaultInstance()));
    batches.forEach((size, batch) ->
        statistics.addBatchStats(
            InferBatchStatistics.newBuilder()
                .setBatchSize(size)
                .setComputeInput(batch.input.proto())
                .setComputeInfer(batch.infer.proto())
                .setComputeOutput(batch.output.proto())));
    return statistics.build();
  }

  private static final class Duration {
    private long count;
    private long nanos;

    void add(long addedNanos) {
      count++;
      nanos += addedNanos;
    }

    StatisticDuration proto() {
      return StatisticDuration.newBuilder().setCount(count).setNs(nanos).build();
    }
  }

  private static final class BatchDurations {
    private final Duration input = new Duration();
    private final Duration infer = new Duration();
    private final Duration output = new Duration();
  }
}
