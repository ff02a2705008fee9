package dev.understudy.modelkit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.modelkit.train.GradientBoostedTrees.Options;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FraudRepositoryTest {
  private static final Options FEW = new Options(5, 3, .1, .6, 8, 5);

  @TempDir Path dir;
  private final AtomicInteger trainings = new AtomicInteger();

  @Test
  void layoutIsTritons() throws IOException {
    write(3);
    try (var tree = Files.walk(dir)) {
      List<String> files =
          tree.filter(Files::isRegularFile)
              .map(f -> dir.relativize(f).toString())
              .sorted()
              .toList();
      assertEquals(
          List.of(
              "fraud-detector/1/model.onnx",
              "fraud-detector/2/model.onnx",
              "fraud-detector/3/model.onnx",
              "fraud-detector/4/model.onnx",
              "fraud-detector/config.pbtxt",
              "fraud-detector/contract.yaml",
              "fraud-detector/report.properties"),
          files);
    }
    assertEquals(
        """
        name: "fraud-detector"
        backend: "onnxruntime"
        max_batch_size: 64
        input [
          { name: "features" data_type: TYPE_FP32 dims: [ 26 ] }
        ]
        output [
          { name: "probabilities" data_type: TYPE_FP32 dims: [ 2 ] }
        ]
        dynamic_batching { max_queue_delay_microseconds: 200 }
        version_policy: { all { } }
        """,
        Files.readString(dir.resolve("fraud-detector/config.pbtxt")));
  }

  @Test
  void contractNamesEveryColumnInOrder() throws IOException {
    write(3);
    String contract = Files.readString(dir.resolve("fraud-detector/contract.yaml"));
    assertTrue(
        contract.startsWith(
            """
            contract: fraud-detector/1
            features:
              input: features
              columns:
                - {name: amount, min: 0, max: 50000}
                - {name: merchant_category, kind: category}
                - {name: country_risk, min: 0, max: 1}
            """),
        contract);
    assertTrue(
        contract.endsWith(
            """
                - {name: credit_utilisation, min: 0, max: 1, missing: nan}
            decision:
              output: probabilities
              kind: probabilities
              column: 1
              cutoff: 0.15
            slices:
              - {name: amount, column: amount, edges: [10, 100, 1000]}
              - {name: merchant_category, column: merchant_category, category: true}
              - {name: hour, column: hour, edges: [6, 12, 18]}
            privacy:
              log: [amount, merchant_category, hour]
            """),
        contract);
    assertEquals(26, contract.lines().filter(line -> line.startsWith("    - {name: ")).count());
  }

  @Test
  void whatIsThereFromTheSameSeedIsKept() {
    FraudReport first = write(3);
    FraudReport second = write(3);
    assertEquals(1, trainings.get());
    assertEquals(first, second);
  }

  @Test
  void anotherSeedIsTrainedAnew() {
    write(3);
    assertEquals(4, write(4).seed());
    assertEquals(2, trainings.get());
  }

  @Test
  void aDamagedOrIncompleteRepositoryIsMended() throws IOException {
    write(3);
    Path model = dir.resolve("fraud-detector/2/model.onnx");
    byte[] whole = Files.readAllBytes(model);
    List<String> files =
        List.of("2/model.onnx", "config.pbtxt", "contract.yaml", "report.properties");
    for (String file : files) {
      int before = trainings.get();
      Files.writeString(dir.resolve("fraud-detector").resolve(file), "versions=1\n");
      write(3);
      assertEquals(before + 1, trainings.get(), file);
      Files.delete(dir.resolve("fraud-detector").resolve(file));
      write(3);
      assertEquals(before + 2, trainings.get(), file);
    }
    assertArrayEquals(whole, Files.readAllBytes(model));
  }

  @Test
  void nothingPartialIsLeftBehind() throws IOException {
    write(3);
    try (var tree = Files.walk(dir)) {
      assertFalse(tree.anyMatch(file -> file.toString().endsWith(".partial")));
    }
  }

  private FraudReport write(long seed) {
    return FraudRepository.write(
        dir,
        seed,
        () -> {
          trainings.incrementAndGet();
          return FraudModels.train(seed, 3_000, 1_000, FEW);
        });
  }
}
