package dev.understudy.router.record;

import dev.understudy.proto.v1.ServerTiming;
import dev.understudy.proto.v1.StageSums;
import org.jspecify.annotations.Nullable;

/**
 * Where the time of answered first attempts went. What a server says is bounded by what the router
 * saw, in the order in which a request passes the stages, so that the four parts of an attempt are
 * never more than the attempt and a server that reports nonsense spoils no sum.
 */
final class StageTallies {
  private static final long MICRO = 1_000;
  private static final int MOST_ROWS = 1 << 20;

  private final Tally calls = new Tally();
  private final Tally network = new Tally();
  private final Tally queue = new Tally();
  private final Tally batchWait = new Tally();
  private final Tally compute = new Tally();
  private final Tally rows = new Tally();

  void add(ServerTiming timing, long latencyNanos) {
    long left = Math.max(0, latencyNanos);
    long queued = part(timing.getQueueNanos(), left);
    left -= queued;
    long waited = part(timing.getBatchWaitNanos(), queued);
    long computed = part(timing.getComputeInputNanos(), left);
    left -= computed;
    long inferred = part(timing.getComputeInferNanos(), left);
    left -= inferred;
    long told = part(timing.getComputeOutputNanos(), left);
    left -= told;
    calls.add();
    queue.add(queued - waited);
    batchWait.add(waited);
    compute.add(computed + inferred + told);
    network.add(left);
    rows.add(part(timing.getBatchSize(), MOST_ROWS));
  }

  /** Unsigned on the wire: a negative number is a huge one. */
  private static long part(long said, long most) {
    return said < 0 ? most : Math.min(said, most);
  }

  @Nullable StageSums growth() {
    long grown = calls.growth();
    StageSums.Builder sums =
        StageSums.newBuilder()
            .setCalls(grown)
            .setNetworkMicros(network.growth(MICRO))
            .setQueueMicros(queue.growth(MICRO))
            .setBatchWaitMicros(batchWait.growth(MICRO))
            .setComputeMicros(compute.growth(MICRO))
            .setBatchRows(rows.growth());
    StageSums built = sums.build();
    return built.equals(StageSums.getDefaultInstance()) ? null : built;
  }
}
