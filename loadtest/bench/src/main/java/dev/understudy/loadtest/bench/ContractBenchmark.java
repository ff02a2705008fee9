package dev.understudy.loadtest.bench;

import com.google.protobuf.ByteString;
import dev.understudy.proto.contract.ContractCheck;
import dev.understudy.proto.contract.ContractFindings;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Feature;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What a data contract of 256 live rules costs. Bytes per nanosecond are GB/s: 1,024 B is one row
 * of 256 FP32, then 1 MiB and 64 MiB of rows.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class ContractBenchmark {
  private static final int COLUMNS = 256;

  /** Rows of 256 columns. */
  @Param({"1", "1024", "65536"})
  public int rows;

  /**
   * {@code bounds}: a range each. {@code lists}: each fourth column has a list of values instead.
   */
  @Param({"bounds", "lists"})
  public String rules = "bounds";

  /** The datatype of the tensor. */
  @Param({"FP32"})
  public String type = "FP32";

  private byte[] message = new byte[0];
  private byte[] broken = new byte[0];
  private InferRequestView view = InferRequestView.parse(ByteBuffer.wrap(message));
  private InferRequestView brokenView = view;
  private @Nullable ContractCheck check;

  /** Makes requests that keep the contract, and one whose last element does not. */
  @Setup
  public void prepare() {
    DataContract.Builder contract = DataContract.newBuilder().setFeatureInput("x");
    for (int i = 0; i < COLUMNS; i++) {
      Feature.Builder feature = Feature.newBuilder().setName("c" + i);
      if (rules.equals("lists") && i % 4 == 0) {
        feature.addAllowed(0).addAllowed(1).addAllowed(2).addAllowed(3);
      } else {
        feature.setMin(-i).setMax(100 + i);
      }
      contract.addFeatures(feature);
    }
    check = ContractCheck.of(contract.build());
    message = request(1);
    broken = request(1e9f);
    view = InferRequestView.parse(ByteBuffer.wrap(message));
    brokenView = InferRequestView.parse(ByteBuffer.wrap(broken));
  }

  private byte[] request(float last) {
    int elements = rows * COLUMNS;
    boolean wide = type.equals("FP64");
    ByteBuffer raw = ByteBuffer.allocate(elements * (wide ? 8 : 4)).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < elements; i++) {
      float value = i == elements - 1 ? last : i % 4;
      if (wide) {
        raw.putDouble(value);
      } else {
        raw.putFloat(value);
      }
    }
    return ModelInferRequest.newBuilder()
        .setModelName("m")
        .addInputs(
            ModelInferRequest.InferInputTensor.newBuilder()
                .setName("x")
                .setDatatype(type)
                .addShape(rows)
                .addShape(COLUMNS))
        .addRawInputContents(ByteString.copyFrom(raw.flip()))
        .build()
        .toByteArray();
  }

  /** A request that keeps the contract. */
  @Benchmark
  public @Nullable ContractFindings kept() {
    ContractCheck of = check;
    return of == null ? null : of.check(message, view, 0);
  }

  /** A request whose last element is outside. */
  @Benchmark
  public @Nullable ContractFindings broken() {
    ContractCheck of = check;
    return of == null ? null : of.check(broken, brokenView, 0);
  }
}
