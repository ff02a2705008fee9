package dev.understudy.modelserver.execution;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.modelserver.statistics.VersionStatistics;
import io.grpc.Status;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BatchRunnerTest {
  /** Remembers what it was told, in order. */
  private static final class Job implements InferenceJob {
    final List<String> told = new ArrayList<>();
    final boolean poisonous;
    final boolean encodable;
    final boolean reachable;

    Job(boolean poisonous, boolean encodable, boolean reachable) {
      this.poisonous = poisonous;
      this.encodable = encodable;
      this.reachable = reachable;
    }

    static Job sound() {
      return new Job(false, true, true);
    }

    @Override
    public void answer(BatchOutputs outputs, int fromRow, BatchTiming timing) {
      if (!encodable) {
        throw new NoClassDefFoundError("encoder");
      }
      told.add("answer");
    }

    @Override
    public void fail(Fault fault) {
      told.add(fault.reason());
      if (!reachable) {
        throw new StackOverflowError("no way to tell");
      }
    }

    @Override
    public Fault expired() {
      return Fault.of(Status.Code.UNAVAILABLE, "EXPIRED", "expired");
    }

    @Override
    public int rows() {
      return 1;
    }

    @Override
    public Object bucket() {
      return "";
    }

    @Override
    public long enqueuedNanos() {
      return 0;
    }

    @Override
    public long deadlineNanos() {
      return NO_DEADLINE;
    }

    @Override
    public void taken(long batchWaitNanos) {}

    @Override
    public long[] shape(int input) {
      return new long[] {1};
    }

    @Override
    public ByteBuffer data(int input) {
      return ByteBuffer.allocate(0);
    }

    @Override
    public boolean wants(int output) {
      return true;
    }
  }

  private static final class Outputs implements BatchOutputs {
    private final boolean closes;

    Outputs(boolean closes) {
      this.closes = closes;
    }

    @Override
    public long inputNanos() {
      return 1;
    }

    @Override
    public long inferNanos() {
      return 1;
    }

    @Override
    public long[] shape(int output, int rows) {
      return new long[] {rows};
    }

    @Override
    public ByteBuffer data(int output, int fromRow, int rows) {
      return ByteBuffer.allocate(0);
    }

    @Override
    public void close() {
      if (!closes) {
        throw new UnsatisfiedLinkError("buffers");
      }
    }
  }

  private static BatchRunner runner(boolean closes) {
    ExecutionLane lane =
        new ExecutionLane() {
          @Override
          public BatchOutputs run(List<? extends LaneRequest> batch) {
            if (batch.stream().anyMatch(request -> ((Job) request).poisonous)) {
              throw new StackOverflowError("too deep");
            }
            return new Outputs(closes);
          }

          @Override
          public void close() {}
        };
    return new BatchRunner("m", lane, new VersionStatistics(), TimeSource.system());
  }

  @Test
  void anErrorInARunFailsTheRequestAtFaultAlone() {
    List<Job> batch = List.of(Job.sound(), new Job(true, true, true), Job.sound());
    try (BatchRunner runner = runner(true)) {
      var _ = runner.run(batch);
    }
    assertEquals(List.of("answer"), batch.get(0).told);
    assertEquals(List.of("EXECUTION_FAILED"), batch.get(1).told);
    assertEquals(List.of("answer"), batch.get(2).told);
  }

  @Test
  void anErrorInOneAnswerOrInTellingItCostsTheOthersNothing() {
    List<Job> batch =
        List.of(
            new Job(false, false, true),
            new Job(false, false, false),
            new Job(true, true, false),
            Job.sound());
    try (BatchRunner runner = runner(true)) {
      var _ = runner.run(batch);
    }
    assertEquals(List.of("ENCODING_FAILED"), batch.get(0).told);
    assertEquals(List.of("ENCODING_FAILED"), batch.get(1).told);
    assertEquals(List.of("EXECUTION_FAILED"), batch.get(2).told);
    assertEquals(List.of("answer"), batch.get(3).told);
  }

  @Test
  void whoHasItsAnswerIsNotRunAgainWhenTheBuffersCannotBeGivenBack() {
    List<Job> batch = List.of(Job.sound(), Job.sound());
    try (BatchRunner runner = runner(false)) {
      var _ = runner.run(batch);
    }
    assertEquals(List.of("answer"), batch.get(0).told);
    assertEquals(List.of("answer"), batch.get(1).told);
  }
}
