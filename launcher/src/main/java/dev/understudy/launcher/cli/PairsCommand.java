package dev.understudy.launcher.cli;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceServiceGrpc.EvidenceServiceBlockingStub;
import dev.understudy.proto.v1.Feature;
import dev.understudy.proto.v1.KeptPair;
import dev.understudy.proto.v1.ReadLogRequest;
import dev.understudy.proto.v1.ReadPairsRequest;
import dev.understudy.proto.v1.TensorValue;
import io.grpc.Context;
import io.grpc.Context.CancellableContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code understudy pairs …}: the most divergent pairs that were kept. */
@Command(
    name = "pairs",
    description = "The pairs of answers that differed most.",
    subcommands = PairsCommand.Export.class)
final class PairsCommand {
  private static final double UNITS = 1024;
  private static final Gson JSON =
      new GsonBuilder().setPrettyPrinting().serializeNulls().disableHtmlEscaping().create();

  private PairsCommand() {}

  @Command(
      name = "export",
      description =
          "Write one JSON file for each kept pair: the request as understudy infer takes it, both"
              + " answers, and how far they lie apart.")
  static final class Export extends ToComparator {
    @Parameters(paramLabel = "ROLLOUT", description = "The rollout's id.")
    String rollout;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Where to.")
    Path folder;

    @Option(
        names = "--most",
        defaultValue = "0",
        paramLabel = "N",
        description = "So many at most, the worst (default: all that are kept).")
    int most;

    @Override
    int ask(EvidenceServiceBlockingStub comparator) throws Exception {
      if (most < 0) {
        err().println("error: --most: " + most + " (expected: 0 or more)");
        return 2;
      }
      Iterator<KeptPair> pairs =
          comparator.readPairs(
              ReadPairsRequest.newBuilder().setRolloutId(rollout).setMost(most).build());
      List<KeptPair> kept = new ArrayList<>();
      pairs.forEachRemaining(kept::add);
      DataContract contract = contract(comparator, rollout);
      List<String> redacted = redacted(contract);
      Files.createDirectories(folder);
      for (int i = 0; i < kept.size(); i++) {
        KeptPair pair = kept.get(i);
        String name = String.format(Locale.ROOT, "pair-%03d", i + 1);
        Files.writeString(folder.resolve(name + ".json"), JSON.toJson(pair(pair, redacted)) + "\n");
        if (pair.getComparison().hasFeatures()) {
          Files.writeString(
              folder.resolve(name + "-request.json"),
              JSON.toJson(request(pair.getComparison())) + "\n");
        }
      }
      Files.writeString(folder.resolve("README.md"), readme(rollout, kept, redacted));
      out().printf("%s: %,d pairs%n", folder, kept.size());
      return 0;
    }
  }

  /** What the log says was declared; its first record is the spec. */
  private static DataContract contract(EvidenceServiceBlockingStub comparator, String rollout) {
    CancellableContext reading = Context.current().withCancellation();
    Context before = reading.attach();
    try {
      Iterator<EvidenceLogRecord> records =
          comparator.readLog(ReadLogRequest.newBuilder().setRolloutId(rollout).build());
      while (records.hasNext()) {
        EvidenceLogRecord record = records.next();
        if (record.hasSpec()) {
          return record.getSpec().getContract();
        }
      }
      return DataContract.getDefaultInstance();
    } finally {
      reading.detach(before);
      reading.cancel(null);
    }
  }

  private static List<String> redacted(DataContract contract) {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < contract.getFeaturesCount(); i++) {
      if (!contract.getPrivacy().getClearColumnsList().contains(i)) {
        Feature feature = contract.getFeatures(i);
        names.add(feature.getName());
      }
    }
    return names;
  }

  static JsonObject pair(KeptPair pair, List<String> redacted) {
    Comparison comparison = pair.getComparison();
    JsonObject json = new JsonObject();
    json.addProperty("prediction_id", comparison.getPredictionId());
    json.addProperty("model", comparison.getModel());
    json.addProperty("unix_ms", comparison.getUnixMs());
    json.addProperty("divergence", pair.getDivergence() / UNITS);
    json.addProperty("champion_version", comparison.getChampionVersion());
    json.addProperty("version", comparison.getVersion());
    json.add("request", comparison.hasFeatures() ? request(comparison) : null);
    JsonArray withheld = new JsonArray();
    redacted.forEach(withheld::add);
    json.add("redacted", withheld);
    json.add("champion_outputs", tensors(comparison.getChampionOutputsList()));
    json.add("outputs", tensors(comparison.getOutputsList()));
    JsonArray rows = new JsonArray();
    comparison
        .getRowsList()
        .forEach(row -> {
          JsonObject labels = new JsonObject();
          row.getLabelsList()
              .forEach(label -> labels.addProperty(label.getSlice(), label.getValue()));
          rows.add(labels);
        });
    json.add("slices", rows);
    return json;
  }

  private static JsonObject request(Comparison comparison) {
    JsonObject request = new JsonObject();
    request.addProperty("id", comparison.getPredictionId());
    request.add("inputs", tensors(List.of(comparison.getFeatures())));
    return request;
  }

  private static JsonArray tensors(List<TensorValue> tensors) {
    ModelInferResponse.Builder carrier = ModelInferResponse.newBuilder();
    for (TensorValue tensor : tensors) {
      carrier
          .addOutputs(
              ModelInferResponse.InferOutputTensor.newBuilder()
                  .setName(tensor.getName())
                  .setDatatype(tensor.getDatatype())
                  .addAllShape(tensor.getShapeList()))
          .addRawOutputContents(tensor.getData());
    }
    return InferJson.response(carrier.build()).getAsJsonArray("outputs");
  }

  private static String readme(String rollout, List<KeptPair> kept, List<String> redacted) {
    boolean requests = kept.stream().anyMatch(pair -> pair.getComparison().hasFeatures());
    String model = kept.isEmpty() ? "MODEL" : kept.getFirst().getComparison().getModel();
    StringBuilder text = new StringBuilder();
    text.append("# Pairs of rollout ").append(rollout).append("\n\n");
    text.append(kept.size())
        .append(" pairs, the most divergent first. `null` in a tensor stands for NaN.\n\n");
    if (requests) {
      text.append("Ask a server the same again, here or elsewhere:\n\n")
          .append("    understudy infer ")
          .append(model)
          .append(" pair-001-request.json --target 127.0.0.1:8001 --version N\n\n");
    } else {
      text.append("The model's privacy policy lets no feature leave a router, so there are no")
          .append(" requests.\n\n");
    }
    if (redacted.isEmpty()) {
      text.append("No declared feature is redacted.\n");
    } else if (requests) {
      text.append("Redacted by the privacy policy, and therefore NaN (or zero) in the requests: ")
          .append(String.join(", ", redacted))
          .append(". The answers to such a request differ from those recorded.\n");
    }
    return text.toString();
  }
}
