package dev.understudy.loadtest.bench;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.Finite;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.tensor.Signature;
import dev.understudy.proto.tensor.SignatureCheck;
import dev.understudy.proto.tensor.TensorData;
import java.io.IOException;
import java.nio.ByteBuffer;
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
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What the router pays to understand a request: walking its head in place and checking it against
 * the signature, beside parsing it with the generated classes.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class RequestHeadBenchmark {

  /** Floats in the request's only input. */
  @Param({"26", "256", "262144"})
  public int floats;

  private byte[] message = new byte[0];
  private @Nullable SignatureCheck check;

  /** Makes the request and the signature. */
  @org.openjdk.jmh.annotations.Setup
  public void prepare() {
    message =
        ModelInferRequest.newBuilder()
            .setModelName("fraud-detector")
            .setId("42")
            .addInputs(
                ModelInferRequest.InferInputTensor.newBuilder()
                    .setName("features")
                    .setDatatype("FP32")
                    .addShape(1)
                    .addShape(floats))
            .addRawInputContents(ByteString.copyFrom(new byte[4 * floats]))
            .build()
            .toByteArray();
    ModelMetadataResponse metadata =
        ModelMetadataResponse.newBuilder()
            .setName("fraud-detector")
            .addInputs(
                ModelMetadataResponse.TensorMetadata.newBuilder()
                    .setName("features")
                    .setDatatype("FP32")
                    .addShape(-1)
                    .addShape(floats))
            .build();
    check = new SignatureCheck(Signature.of(metadata, 64));
  }

  /** In place: offsets only. */
  @Benchmark
  public InferRequestView walk() {
    return InferRequestView.parse(ByteBuffer.wrap(message));
  }

  /** In place, and held against the signature. */
  @Benchmark
  public @Nullable String walkAndCheck() {
    SignatureCheck against = check;
    return against == null
        ? ""
        : against.violation(InferRequestView.parse(ByteBuffer.wrap(message)));
  }

  /** Looking at each float for NaN and infinity. */
  @Benchmark
  public long finite() {
    InferRequestView view = InferRequestView.parse(ByteBuffer.wrap(message));
    return Finite.firstNonFinite(TensorData.of(view, 0), Datatype.FP32);
  }

  /** The generated parser, with tensor bytes aliased where it can. */
  @Benchmark
  public ModelInferRequest generated() throws IOException {
    CodedInputStream in = CodedInputStream.newInstance(message);
    in.enableAliasing(true);
    return ModelInferRequest.parseFrom(in);
  }
}
