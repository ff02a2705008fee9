package dev.understudy.loadtest.bench;

import com.google.protobuf.ByteString;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.router.patterns.PatternSettings;
import dev.understudy.router.patterns.Patterns;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** What the watch for suspicious patterns adds to a call, one call in four looked at closely. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class PatternsBenchmark {
  private static final int REQUESTS = 1024;
  private static final int PRINCIPALS = 100;

  /** Elements of the request's one row. */
  @Param({"30", "256", "3072"})
  public int floats;

  private final Patterns patterns = new Patterns(PatternSettings.DEFAULT, 42);
  private final InferRequestView[] requests = new InferRequestView[REQUESTS];
  private final String[] principals = new String[PRINCIPALS];
  private int next;
  private long nowNanos;

  /** Makes requests that have nothing to do with one another. */
  @Setup
  public void prepare() {
    Random random = new Random(7);
    for (int i = 0; i < REQUESTS; i++) {
      ByteBuffer data = ByteBuffer.allocate(4 * floats).order(ByteOrder.LITTLE_ENDIAN);
      for (int k = 0; k < floats; k++) {
        data.putFloat(random.nextFloat());
      }
      requests[i] =
          InferRequestView.parse(
              ByteBuffer.wrap(
                  ModelInferRequest.newBuilder()
                      .setModelName("model")
                      .addInputs(
                          ModelInferRequest.InferInputTensor.newBuilder()
                              .setName("x")
                              .setDatatype("FP32")
                              .addShape(1)
                              .addShape(floats))
                      .addRawInputContents(ByteString.copyFrom(data.flip()))
                      .build()
                      .toByteArray()));
    }
    for (int i = 0; i < PRINCIPALS; i++) {
      principals[i] = "principal-" + i;
    }
  }

  /** One call. */
  @Benchmark
  public long asked() {
    next++;
    nowNanos += 20_000;
    return patterns
        .asked(
            principals[next % PRINCIPALS],
            "model",
            requests[next & REQUESTS - 1],
            nowNanos,
            nowNanos / 1_000_000)
        .waitNanos();
  }
}
