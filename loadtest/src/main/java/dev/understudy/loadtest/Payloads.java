package dev.understudy.loadtest;

import com.google.protobuf.ByteString;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.tensor.Datatype;
import io.grpc.Channel;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

/** Requests made from a model's metadata, so that a target can be loaded by its address alone. */
public final class Payloads {

  private static final int DISTINCT = 256;
  private static final int FEWEST = 4;
  private static final long ENOUGH_BYTES = 64L << 20;

  private Payloads() {}

  /**
   * Asks the server for the model's inputs and makes seeded random tensors for them: numbers
   * uniform in [0, 1), integers in 0..9, short texts. A variable first dimension becomes {@code
   * rows}, other variable dimensions become 1.
   *
   * @throws IllegalArgumentException if an input has a datatype that the protocol does not know
   */
  public static RequestSource random(
      Channel channel, String model, String version, int rows, long seed) {
    List<byte[]> requests = random(channel, model, version, RowCounts.of(rows), seed);
    return n -> requests.get((int) (n % requests.size()));
  }

  /**
   * The same with a distribution of rows: up to 256 distinct requests, fewer when they are large,
   * so that all of them together stay below about 64 MiB.
   */
  public static List<byte[]> random(
      Channel channel, String model, String version, RowCounts rows, long seed) {
    ModelMetadataResponse metadata =
        GRPCInferenceServiceGrpc.newBlockingStub(channel)
            .withDeadlineAfter(10, TimeUnit.SECONDS)
            .modelMetadata(
                ModelMetadataRequest.newBuilder().setName(model).setVersion(version).build());
    SplittableRandom random = new SplittableRandom(seed);
    List<byte[]> requests = new ArrayList<>();
    long bytes = 0;
    while (requests.size() < DISTINCT && (requests.size() < FEWEST || bytes < ENOUGH_BYTES)) {
      byte[] request = request(metadata, model, version, rows.next(random), random);
      requests.add(request);
      bytes += request.length;
    }
    return requests;
  }

  private static byte[] request(
      ModelMetadataResponse metadata,
      String model,
      String version,
      int rows,
      SplittableRandom random) {
    ModelInferRequest.Builder request =
        ModelInferRequest.newBuilder().setModelName(model).setModelVersion(version);
    for (ModelMetadataResponse.TensorMetadata input : metadata.getInputsList()) {
      Datatype datatype = Datatype.of(input.getDatatype());
      if (datatype == null) {
        throw new IllegalArgumentException(
            "input '" + input.getName() + "' has the unknown datatype " + input.getDatatype());
      }
      ModelInferRequest.InferInputTensor.Builder tensor =
          ModelInferRequest.InferInputTensor.newBuilder()
              .setName(input.getName())
              .setDatatype(input.getDatatype());
      long elements = 1;
      for (int d = 0; d < input.getShapeCount(); d++) {
        long dim = input.getShape(d);
        long size = dim >= 0 ? dim : d == 0 ? rows : 1;
        tensor.addShape(size);
        elements = Math.multiplyExact(elements, size);
      }
      request.addInputs(tensor);
      request.addRawInputContents(data(datatype, Math.toIntExact(elements), random));
    }
    return request.build().toByteArray();
  }

  private static ByteString data(Datatype datatype, int elements, SplittableRandom random) {
    int width = datatype == Datatype.BYTES ? 5 : datatype.byteSize();
    ByteBuffer buffer =
        ByteBuffer.allocate(Math.multiplyExact(elements, width)).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < elements; i++) {
      switch (datatype) {
        case BOOL -> buffer.put((byte) random.nextInt(2));
        case INT8, UINT8 -> buffer.put((byte) random.nextInt(10));
        case INT16, UINT16 -> buffer.putShort((short) random.nextInt(10));
        case INT32, UINT32 -> buffer.putInt(random.nextInt(10));
        case INT64, UINT64 -> buffer.putLong(random.nextInt(10));
        case FP32 -> buffer.putFloat((float) random.nextDouble());
        case FP64 -> buffer.putDouble(random.nextDouble());
        case FP16 -> buffer.putShort((short) (0x3800 + random.nextInt(0x400)));
        case BF16 -> buffer.putShort((short) (0x3f00 + random.nextInt(0x80)));
        case BYTES -> buffer.putInt(1).put((byte) ('a' + random.nextInt(26)));
      }
    }
    return ByteString.copyFrom(buffer.flip());
  }
}
