package dev.understudy.loadtest.bench;

import dev.understudy.evidence.divergence.Comparer;
import dev.understudy.evidence.divergence.FloatRows;
import dev.understudy.evidence.divergence.OutputMeasures;
import dev.understudy.evidence.divergence.OutputPlan;
import dev.understudy.evidence.divergence.Tensor;
import dev.understudy.proto.v1.OutputKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Each measure of two FP32 tensors of 1 MB, beside a plain copy of the same two: the ratio of the
 * times is the share of the copy's bandwidth.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class DivergenceKernelBenchmark {
  private static final int NUMBERS = 1 << 18;

  private final byte[] first = new byte[Float.BYTES * NUMBERS];
  private final byte[] second = new byte[Float.BYTES * NUMBERS];
  private final byte[] firstCopy = new byte[Float.BYTES * NUMBERS];
  private final byte[] secondCopy = new byte[Float.BYTES * NUMBERS];
  private final Tensor champion = tensor(first);
  private final Tensor copy = tensor(second);
  private final FloatRows rows = new FloatRows();
  private final Comparer comparer = new Comparer();
  private final OutputMeasures measures = new OutputMeasures();

  private static Tensor tensor(byte[] bytes) {
    return Tensor.of("FP32", new long[] {1, NUMBERS}, ByteBuffer.wrap(bytes).asReadOnlyBuffer());
  }

  /** Two distributions that differ by some percent. */
  @org.openjdk.jmh.annotations.Setup
  public void prepare() {
    SplittableRandom random = new SplittableRandom(1);
    double[] a = new double[NUMBERS];
    double[] b = new double[NUMBERS];
    double sumA = 0;
    double sumB = 0;
    for (int i = 0; i < NUMBERS; i++) {
      a[i] = -Math.log(random.nextDouble(1e-9, 1));
      b[i] = a[i] * random.nextDouble(1, 1.1);
      sumA += a[i];
      sumB += b[i];
    }
    ByteBuffer firstBytes = ByteBuffer.wrap(first).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer secondBytes = ByteBuffer.wrap(second).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < NUMBERS; i++) {
      firstBytes.putFloat((float) (a[i] / sumA));
      secondBytes.putFloat((float) (b[i] / sumB));
    }
  }

  /** What the others are measured by. */
  @Benchmark
  public byte[] plainCopy() {
    System.arraycopy(first, 0, firstCopy, 0, first.length);
    System.arraycopy(second, 0, secondCopy, 0, second.length);
    return secondCopy;
  }

  /** L1, of which total variation is half, with both sums. */
  @Benchmark
  public double totalVariation() {
    return rows.totalVariation(champion, copy, 0);
  }

  /** L-infinity. */
  @Benchmark
  public double maxDistance() {
    return rows.maxDistance(champion, copy, 0);
  }

  /** The likeliest class of both. */
  @Benchmark
  public int topOne() {
    return rows.topProbability(champion, 0) - rows.topProbability(copy, 0);
  }

  /** Cosine. */
  @Benchmark
  public double cosine() {
    return rows.halfOneMinusCosine(champion, copy, 0);
  }

  /** All that is measured of an output of this size and kind. */
  @Benchmark
  public int probabilities() {
    return whole(OutputKind.PROBABILITIES);
  }

  /** All that is measured of an output of this size and kind. */
  @Benchmark
  public int regression() {
    return whole(OutputKind.REGRESSION);
  }

  /** All that is measured of an output of this size and kind. */
  @Benchmark
  public int embeddings() {
    return whole(OutputKind.EMBEDDINGS);
  }

  private int whole(OutputKind kind) {
    comparer.compare(OutputPlan.of(kind), champion, copy, measures);
    return measures.meanUnits();
  }
}
