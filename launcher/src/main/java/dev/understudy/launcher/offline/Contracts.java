package dev.understudy.launcher.offline;

import dev.understudy.launcher.offline.OfflineException.Kind;
import dev.understudy.proto.contract.ContractException;
import dev.understudy.proto.contract.ContractFile;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.inference.ModelMetadataResponse.TensorMetadata;
import dev.understudy.proto.v1.ComparedOutput;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.OutputKind;
import dev.understudy.proto.v1.PrivacyPolicy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/** What a model promises: read from its file, or as much of it as its outputs betray. */
final class Contracts {
  private static final int MAX_CHARACTERS = 1 << 20;

  private Contracts() {}

  /** The file that was named, or the one that lies beside the folder of a version; or null. */
  static @Nullable Path file(@Nullable Path named, Subject subject) {
    if (named == null && subject instanceof Subject.VersionFolder(Path folder)) {
      Path model = folder.toAbsolutePath().normalize().getParent();
      Path beside = model == null ? null : model.resolve("contract.yaml");
      return beside != null && Files.isRegularFile(beside) ? beside : null;
    }
    return named;
  }

  /** The contract in a file; the default instance without one. */
  static DataContract read(@Nullable Path file) throws IOException, OfflineException {
    if (file == null) {
      return DataContract.getDefaultInstance();
    }
    if (!Files.isRegularFile(file)) {
      throw new OfflineException(Kind.USAGE, file + ": no such file");
    }
    String text = Files.readString(file);
    if (text.length() > MAX_CHARACTERS) {
      throw new OfflineException(
          Kind.USAGE,
          file + ": " + text.length() + " characters (expected: " + MAX_CHARACTERS + ")");
    }
    try {
      Object tree =
          new Load(LoadSettings.builder().setLabel(file.toString()).build()).loadFromString(text);
      if (tree instanceof Map<?, ?> map) {
        return ContractFile.parse(file.toString(), map);
      }
    } catch (ContractException | YamlEngineException e) {
      throw new OfflineException(Kind.USAGE, String.valueOf(e.getMessage()));
    }
    throw new OfflineException(Kind.USAGE, file + ": is not a mapping (expected: key: value)");
  }

  /** With every feature in clear: whose file it is may see what is in it. */
  static DataContract open(DataContract contract) {
    return contract.getFeaturesCount() == 0
        ? contract
        : contract.toBuilder()
            .setPrivacy(
                PrivacyPolicy.newBuilder()
                    .addAllClearColumns(
                        IntStream.range(0, contract.getFeaturesCount()).boxed().toList())
                    .setClearPrincipal(true))
            .build();
  }

  /**
   * Completes a contract with the score that known outcomes are held against: the second of two
   * columns, or a single column. Every output goes on being compared.
   *
   * @throws OfflineException when the model's outputs leave open which one that is
   */
  static DataContract withScore(DataContract contract, ModelMetadataResponse model)
      throws OfflineException {
    if (contract.hasDecision() && !contract.getDecision().getOutput().isEmpty()) {
      return contract;
    }
    List<TensorMetadata> outputs = model.getOutputsList();
    Decision decision = score(outputs);
    if (decision == null) {
      throw new OfflineException(
          Kind.USAGE,
          "--label: which output of "
              + outputs.stream().map(o -> o.getName() + o.getShapeList()).toList()
              + " is the score is not clear (expected: --contract with a decision)");
    }
    DataContract.Builder completed = contract.toBuilder().setDecision(decision);
    if (completed.getOutputsCount() == 0) {
      outputs.forEach(
          output -> completed.addOutputs(ComparedOutput.newBuilder().setOutput(output.getName())));
    }
    return completed.build();
  }

  private static @Nullable Decision score(List<TensorMetadata> outputs) {
    for (TensorMetadata output : outputs) {
      if (isFloat(output) && lastDim(output) == 2) {
        return decision(output, OutputKind.PROBABILITIES, 1);
      }
    }
    for (TensorMetadata output : outputs) {
      if (output.getName().toLowerCase(Locale.ROOT).contains("prob")
          && isFloat(output)
          && lastDim(output) == -1) {
        return decision(output, OutputKind.PROBABILITIES, 1);
      }
    }
    for (TensorMetadata output : outputs) {
      if (isFloat(output) && (lastDim(output) == 1 || output.getShapeCount() == 1)) {
        return decision(output, OutputKind.REGRESSION, 0);
      }
    }
    for (TensorMetadata output : outputs) {
      if (!isFloat(output) && !output.getDatatype().equals("BYTES")) {
        return decision(output, OutputKind.LABELS, 0);
      }
    }
    return null;
  }

  private static Decision decision(TensorMetadata output, OutputKind kind, int column) {
    return Decision.newBuilder()
        .setOutput(output.getName())
        .setKind(kind)
        .setColumn(column)
        .build();
  }

  private static boolean isFloat(TensorMetadata output) {
    return output.getDatatype().startsWith("FP") || output.getDatatype().equals("BF16");
  }

  private static long lastDim(TensorMetadata output) {
    return output.getShapeCount() == 0 ? 1 : output.getShape(output.getShapeCount() - 1);
  }
}
