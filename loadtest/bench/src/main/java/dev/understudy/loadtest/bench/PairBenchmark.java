package dev.understudy.loadtest.bench;

import com.google.protobuf.ByteString;
import dev.understudy.evidence.tally.ComparisonTally;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.OutputKind;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.TensorValue;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * How many pairs one core measures and counts: ten FP32 numbers a side with a cut-off, every
 * measure of their kind, the three most divergent kept. Half the copies went to a shadow and half
 * to the mirrored control of the same calls.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class PairBenchmark {
  private static final int PAIRS = 1_024;
  private static final int NUMBERS = 10;

  /** What the numbers mean. */
  @Param({"PROBABILITIES", "REGRESSION", "EMBEDDINGS"})
  public OutputKind kind = OutputKind.PROBABILITIES;

  private final Comparison[] pairs = new Comparison[PAIRS];
  private ComparisonTally tally = new ComparisonTally(DataContract.getDefaultInstance());

  /** Answers that differ by some percent. */
  @org.openjdk.jmh.annotations.Setup
  public void prepare() {
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < PAIRS; i += 2) {
      double[] champion = distribution(random, null);
      for (int copy = 0; copy < 2; copy++) {
        pairs[i + copy] =
            Comparison.newBuilder()
                .setPredictionId("prediction-" + i)
                .setRole(copy == 0 ? Role.SHADOW : Role.MIRRORED_CONTROL)
                .addChampionOutputs(tensor(champion))
                .addOutputs(tensor(distribution(random, champion)))
                .build();
      }
    }
    tally =
        new ComparisonTally(
            DataContract.newBuilder()
                .setDecision(
                    Decision.newBuilder()
                        .setOutput("answer")
                        .setKind(kind)
                        .setColumn(1)
                        .setCutoff(0.15))
                .build());
  }

  private static double[] distribution(SplittableRandom random, double @Nullable [] near) {
    double[] values = new double[NUMBERS];
    double sum = 0;
    for (int i = 0; i < NUMBERS; i++) {
      values[i] =
          near == null ? -Math.log(random.nextDouble()) : near[i] * random.nextDouble(1, 1.1);
      sum += values[i];
    }
    for (int i = 0; i < NUMBERS; i++) {
      values[i] /= sum;
    }
    return values;
  }

  private static TensorValue tensor(double[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (double value : values) {
      bytes.putFloat((float) value);
    }
    return TensorValue.newBuilder()
        .setName("answer")
        .setDatatype("FP32")
        .addShape(1)
        .addShape(values.length)
        .setData(ByteString.copyFrom(bytes.flip()))
        .build();
  }

  /** Measures all and takes what was counted, as once a second. */
  @Benchmark
  @OperationsPerInvocation(PAIRS)
  public List<PairTally> measureAndCount() {
    for (Comparison pair : pairs) {
      tally.add(pair);
    }
    List<PairTally> taken = tally.take();
    if (tally.takeKept().isEmpty()) {
      throw new IllegalStateException("nothing was kept of " + taken);
    }
    return taken;
  }
}
