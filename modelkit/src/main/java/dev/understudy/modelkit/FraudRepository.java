package dev.understudy.modelkit;

import dev.understudy.modelkit.data.CardFraud;
import dev.understudy.modelkit.onnx.ClassifierExport;
import dev.understudy.modelkit.onnx.ElementType;
import dev.understudy.modelkit.repository.DataContract;
import dev.understudy.modelkit.repository.DataContract.Slice;
import dev.understudy.modelkit.repository.ModelConfig;
import dev.understudy.modelkit.repository.ModelRepository;
import dev.understudy.modelkit.repository.TensorSpec;
import dev.understudy.modelkit.train.Metrics;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** The fraud models on disk. */
final class FraudRepository {
  /** Changes when training or export from the same seed would give other files. */
  private static final String GENERATOR = "fraud-detector 1, data " + CardFraud.GENERATION;

  private static final int MAX_BATCH_SIZE = 64;
  private static final int MAX_QUEUE_DELAY_MICROS = 200;

  private FraudRepository() {}

  static FraudReport.Version measure(
      int version,
      String summary,
      float[] champion,
      float[] probabilities,
      boolean[] labels,
      byte[] onnx) {
    var comparison = Metrics.compare(champion, probabilities, labels, FraudModels.CUTOFF);
    return new FraudReport.Version(
        version,
        summary,
        Metrics.auc(probabilities, labels),
        Metrics.brier(probabilities, labels),
        Metrics.flagged(probabilities, FraudModels.CUTOFF),
        comparison.changedDecisions(),
        comparison.brierGainMean(),
        comparison.brierGainSd(),
        ModelRepository.sha256(onnx));
  }

  static FraudReport write(Path dir, long seed, Supplier<FraudModels> training) {
    var repository = new ModelRepository(dir);
    Optional<FraudReport> present = present(repository, seed);
    if (present.isPresent()) {
      return present.get();
    }
    FraudModels models = training.get();
    FraudReport report = models.report();
    for (var version : report.versions()) {
      repository.writeVersion(FraudModels.MODEL, version.version(), models.onnx(version.version()));
    }
    repository.writeText(FraudModels.MODEL, "config.pbtxt", config());
    repository.writeText(FraudModels.MODEL, "contract.yaml", contract());
    // Last: what is found beside a report is complete.
    repository.writeText(FraudModels.MODEL, ReportFile.NAME, ReportFile.text(report, GENERATOR));
    return report;
  }

  /** The report of a complete and undamaged repository of this seed. */
  private static Optional<FraudReport> present(ModelRepository repository, long seed) {
    Path folder = repository.root().resolve(FraudModels.MODEL);
    try {
      if (!holds(folder.resolve("config.pbtxt"), config())
          || !holds(folder.resolve("contract.yaml"), contract())) {
        return Optional.empty();
      }
      var report = ReportFile.parse(Files.readString(folder.resolve(ReportFile.NAME)), GENERATOR);
      if (report.isEmpty() || report.get().seed() != seed) {
        return Optional.empty();
      }
      for (var version : report.get().versions()) {
        Path file = repository.versionFile(FraudModels.MODEL, version.version());
        if (!ModelRepository.sha256(Files.readAllBytes(file)).equals(version.sha256())) {
          return Optional.empty();
        }
      }
      return report;
    } catch (IOException incomplete) {
      return Optional.empty(); // it will be written anew, and writing reports what is in the way
    }
  }

  private static boolean holds(Path file, String text) throws IOException {
    return Files.exists(file) && Files.readString(file, StandardCharsets.UTF_8).equals(text);
  }

  private static String config() {
    long width = CardFraud.columns().size();
    return new ModelConfig(
            FraudModels.MODEL,
            MAX_BATCH_SIZE,
            MAX_QUEUE_DELAY_MICROS,
            List.of(new TensorSpec(ClassifierExport.INPUT, ElementType.FP32, width)),
            List.of(new TensorSpec(ClassifierExport.OUTPUT, ElementType.FP32, 2)))
        .text();
  }

  private static String contract() {
    return new DataContract(
            FraudModels.MODEL,
            ClassifierExport.INPUT,
            CardFraud.columns(),
            ClassifierExport.OUTPUT,
            1,
            FraudModels.CUTOFF,
            List.of(
                new Slice.Edges("amount", 10, 100, 1_000),
                new Slice.Category("merchant_category"),
                new Slice.Edges("hour", 6, 12, 18)),
            List.of("amount", "merchant_category", "hour"))
        .yaml();
  }
}
