package dev.understudy.loadtest.bench;

import dev.understudy.evidence.latency.LatencyGrid;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What evidence costs where a request feels it: finding the bucket of a latency. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class EvidenceBenchmark {

  private static final int VALUES = 1_024;

  private final long[] nanos = new long[VALUES];

  /** Latencies over the whole range, log-uniform. */
  @org.openjdk.jmh.annotations.Setup
  public void prepare() {
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < VALUES; i++) {
      nanos[i] = (long) Math.pow(10, 3 + 7 * random.nextDouble());
    }
  }

  /** The bucket of one latency. */
  @Benchmark
  @OperationsPerInvocation(VALUES)
  public int bucket() {
    int sum = 0;
    for (long value : nanos) {
      sum += LatencyGrid.index(value);
    }
    return sum;
  }
}
