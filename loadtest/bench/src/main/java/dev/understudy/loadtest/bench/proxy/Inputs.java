package dev.understudy.loadtest.bench.proxy;

import com.google.protobuf.ByteString;
import dev.understudy.chassis.security.ApiKeys;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.inference.ModelMetadataResponse.TensorMetadata;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/** Writes the files that the contestants are given. */
final class Inputs {
  private static final String SECRET = "a-secret-for-benchmarks-only";
  private static final int PRINCIPALS = 100;

  private Inputs() {}

  static void write(Path folder, int features) throws IOException {
    Random random = new Random(1);
    Files.write(folder.resolve("request-1k"), request(1, features, random));
    Files.write(folder.resolve("request-12k"), request(12, features, random));
    Files.write(folder.resolve("request-1m"), request(1024, features, random));
    Files.write(folder.resolve("reply"), reply(random));
    // A backend that cannot read paths gives the same answer to every question about the model: as
    // a configuration it says that the model takes batches of up to 16,450 rows.
    Files.write(
        folder.resolve("metadata"),
        ModelMetadataResponse.newBuilder()
            .setNameBytes(ByteString.copyFrom(new byte[] {0x20, (byte) 0xC2, (byte) 0x80, 0x01}))
            .addInputs(tensor("input", features))
            .addOutputs(tensor("output", 244))
            .build()
            .toByteArray());
    StringBuilder keys = new StringBuilder();
    StringBuilder entries = new StringBuilder();
    for (int i = 0; i < PRINCIPALS; i++) {
      String key = String.format("%016x%016x%016x", random.nextLong(), random.nextLong(), i);
      keys.append(key).append('\n');
      entries.append(ApiKeys.entry("caller-" + i, key, SECRET)).append('\n');
    }
    Files.writeString(folder.resolve("keys.txt"), keys);
    Files.writeString(folder.resolve("keys"), entries);
    Files.writeString(folder.resolve("secret"), SECRET);
    Files.writeString(folder.resolve("contract.yaml"), contract(features));
  }

  private static byte[] request(int rows, int features, Random random) {
    ByteBuffer data = ByteBuffer.allocate(4 * rows * features).order(ByteOrder.LITTLE_ENDIAN);
    while (data.hasRemaining()) {
      data.putFloat(random.nextFloat());
    }
    return ModelInferRequest.newBuilder()
        .setModelName("fraud-detector")
        .addInputs(
            ModelInferRequest.InferInputTensor.newBuilder()
                .setName("input")
                .setDatatype("FP32")
                .addShape(rows)
                .addShape(features))
        .addRawInputContents(ByteString.copyFrom(data.flip()))
        .build()
        .toByteArray();
  }

  private static byte[] reply(Random random) {
    ByteBuffer data = ByteBuffer.allocate(4 * 244).order(ByteOrder.LITTLE_ENDIAN);
    while (data.hasRemaining()) {
      data.putFloat(random.nextFloat());
    }
    return ModelInferResponse.newBuilder()
        .setModelName("fraud-detector")
        .setModelVersion("1")
        .addOutputs(
            ModelInferResponse.InferOutputTensor.newBuilder()
                .setName("output")
                .setDatatype("FP32")
                .addShape(1)
                .addShape(244))
        .addRawOutputContents(ByteString.copyFrom(data.flip()))
        .build()
        .toByteArray();
  }

  private static TensorMetadata tensor(String name, int width) {
    return TensorMetadata.newBuilder()
        .setName(name)
        .setDatatype("FP32")
        .addShape(-1)
        .addShape(width)
        .build();
  }

  private static String contract(int features) {
    StringBuilder text = new StringBuilder("contract: fraud-detector/1\nfeatures:\n");
    text.append("  input: input\n  columns:\n");
    for (int i = 0; i < features; i++) {
      text.append("    - {name: f").append(i).append(", min: -1, max: 2}\n");
    }
    return text.append("decision: {output: output, kind: regression}\n")
        .append("answers:\n  outputs:\n    - {output: output, min: 0, max: 1}\n")
        .toString();
  }
}
