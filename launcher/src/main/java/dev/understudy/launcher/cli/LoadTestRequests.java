package dev.understudy.launcher.cli;

import com.google.gson.JsonParseException;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.understudy.loadtest.Payloads;
import dev.understudy.loadtest.RowCounts;
import dev.understudy.loadtest.drive.Mix;
import dev.understudy.proto.inference.ModelInferRequest;
import io.grpc.Channel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What the calls of a load test are made of. */
final class LoadTestRequests {
  private static final int MOST_REQUESTS = 100_000;

  @Parameters(
      paramLabel = "MODEL",
      arity = "0..*",
      description = "Models as NAME[@VERSION][=WEIGHT]; calls are spread by weight.")
  List<String> models = new ArrayList<>();

  @Option(names = "--version", defaultValue = "", description = "Model version.")
  String version;

  @Option(
      names = "--zipf",
      paramLabel = "S",
      description = "Weigh the models as 1/rank^S, in the order given.")
  @Nullable Double zipf;

  @Option(
      names = "--rows",
      defaultValue = "1",
      description =
          "Rows per call when requests are made from metadata or CSV: N, FROM-TO, or weighted like"
              + " 1:80,2-16:20 (default: ${DEFAULT-VALUE}).")
  String rows;

  @Option(
      names = "--input",
      paramLabel = "PATH",
      description =
          "Requests to send instead of random tensors, again for more: JSON as understudy infer"
              + " takes it, CSV rows, a serialized ModelInferRequest, or a folder of these.")
  List<Path> inputs = new ArrayList<>();

  private record Model(String name, String version, double weight) {}

  /**
   * Makes the requests.
   *
   * @param channel to the server, for metadata
   * @throws IllegalArgumentException if what was given is malformed or does not fit together
   */
  List<Mix.Kind> kinds(Channel channel, long seed) throws IOException {
    List<Model> parsed = models();
    RowCounts counts = RowCounts.parse(rows);
    List<Mix.Kind> kinds = new ArrayList<>();
    if (!inputs.isEmpty() && parsed.size() > 1) {
      throw new IllegalArgumentException("--input with several models (expected: one MODEL)");
    }
    for (int i = 0; i < parsed.size(); i++) {
      Model model = parsed.get(i);
      String name = model.version().isEmpty() ? model.name() : model.name() + "@" + model.version();
      double weight = zipf == null ? model.weight() : Mix.zipf(parsed.size(), zipf)[i];
      List<byte[]> requests =
          inputs.isEmpty()
              ? Payloads.random(channel, model.name(), model.version(), counts, seed + i)
              : fromFiles(model, channel, counts, seed);
      kinds.add(new Mix.Kind(name, weight, requests));
    }
    return kinds;
  }

  private List<Model> models() {
    if (models.isEmpty()) {
      throw new IllegalArgumentException("no MODEL (expected: the name of one or more)");
    }
    List<Model> parsed = new ArrayList<>();
    for (String text : models) {
      int equal = text.lastIndexOf('=');
      String named = equal < 0 ? text : text.substring(0, equal);
      int at = named.lastIndexOf('@');
      String name = at < 0 ? named : named.substring(0, at);
      double weight;
      try {
        weight = equal < 0 ? 1 : Double.parseDouble(text.substring(equal + 1));
      } catch (NumberFormatException e) {
        weight = Double.NaN;
      }
      if (name.isEmpty() || !(weight > 0)) {
        throw new IllegalArgumentException(
            "'" + text + "' is no model (expected: NAME, NAME@VERSION or NAME=WEIGHT)");
      }
      parsed.add(new Model(name, at < 0 ? version : named.substring(at + 1), weight));
    }
    return parsed;
  }

  private List<byte[]> fromFiles(Model model, Channel channel, RowCounts counts, long seed)
      throws IOException {
    List<byte[]> requests = new ArrayList<>();
    long bytes = 0;
    for (Path input : inputs) {
      for (Path file : files(input)) {
        List<byte[]> read = read(file, model, channel, counts, seed);
        bytes += read.stream().mapToLong(each -> each.length).sum();
        requests.addAll(read);
        if (bytes > Mix.MAX_BYTES || requests.size() > MOST_REQUESTS) {
          throw new IllegalArgumentException(
              String.format(
                  Locale.ROOT,
                  "%s: %,d requests of %,d bytes so far (expected: up to %,d requests and %,d"
                      + " bytes)",
                  file,
                  requests.size(),
                  bytes,
                  MOST_REQUESTS,
                  Mix.MAX_BYTES));
        }
      }
    }
    return requests;
  }

  private static List<Path> files(Path input) throws IOException {
    if (!Files.isDirectory(input)) {
      return List.of(input);
    }
    try (Stream<Path> listed = Files.list(input)) {
      List<Path> files =
          listed
              .filter(file ->
                  Files.isRegularFile(file) && !file.getFileName().toString().startsWith("."))
              .sorted()
              .toList();
      if (files.isEmpty()) {
        throw new IllegalArgumentException(input + ": no files (expected: requests)");
      }
      return files;
    }
  }

  private static boolean isCsv(Path file) {
    return file.toString().toLowerCase(Locale.ROOT).endsWith(".csv");
  }

  private static List<byte[]> read(
      Path file, Model model, Channel channel, RowCounts counts, long seed) throws IOException {
    if (isCsv(file)) {
      return CsvRequests.read(file, model.name(), model.version(), channel, counts, seed);
    }
    if (file.toString().toLowerCase(Locale.ROOT).endsWith(".json")) {
      return List.of(json(file, model));
    }
    ModelInferRequest request;
    try {
      request = ModelInferRequest.parseFrom(Files.readAllBytes(file));
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException(
          file + ": no serialized ModelInferRequest; name JSON *.json and CSV *.csv", e);
    }
    if (!request.getModelName().equals(model.name())) {
      throw new IllegalArgumentException(
          file
              + ": is for model '"
              + request.getModelName()
              + "' (expected: "
              + model.name()
              + ")");
    }
    return List.of(request.toByteArray());
  }

  private static byte[] json(Path file, Model model) throws IOException {
    try {
      return InferJson.request(Files.readString(file), model.name(), model.version()).toByteArray();
    } catch (JsonParseException | IllegalStateException | ClassCastException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
    }
  }
}
