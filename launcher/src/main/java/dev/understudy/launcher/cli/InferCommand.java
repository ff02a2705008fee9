package dev.understudy.launcher.cli;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code understudy infer MODEL request.json}: one call to any Open Inference Protocol server. */
@Command(
    name = "infer",
    description =
        "Ask a model once, from a JSON request; works with any Open Inference Protocol server.",
    footer = {
      "",
      "The request is the protocol's JSON form, for example",
      "  {\"inputs\": [{\"name\": \"features\", \"datatype\": \"FP32\", \"shape\": [1, 2],"
          + " \"data\": [0.5, null]}]}",
      "where null stands for NaN; '-' reads it from standard input."
    })
final class InferCommand extends RpcCommand {

  @Option(
      names = "--target",
      paramLabel = "HOST:PORT",
      defaultValue = "${env:UNDERSTUDY_TARGET:-127.0.0.1:8001}",
      description = "Router or model server (default: ${DEFAULT-VALUE}).")
  String target;

  @Option(names = "--version", paramLabel = "N", defaultValue = "", description = "Model version.")
  String version;

  @Option(
      names = "--api-key",
      paramLabel = "KEY",
      defaultValue = "${env:UNDERSTUDY_API_KEY:-}",
      description = "API key for a router that asks for one.")
  String apiKey;

  @Option(
      names = "--timeout-ms",
      paramLabel = "MS",
      defaultValue = "5000",
      description = "Deadline of the call (default: ${DEFAULT-VALUE}).")
  long timeoutMillis;

  @Parameters(index = "0", paramLabel = "MODEL", description = "The model's name.")
  String model;

  @Parameters(index = "1", paramLabel = "FILE", description = "JSON request, or - for stdin.")
  @Nullable Path file;

  @Override
  String target() {
    return target;
  }

  @Override
  int run(ManagedChannel channel) throws Exception {
    String json =
        file == null || file.toString().equals("-")
            ? new String(System.in.readAllBytes(), StandardCharsets.UTF_8)
            : Files.readString(file);
    ModelInferRequest request;
    try {
      request = InferJson.request(json, model, version);
    } catch (JsonParseException | IllegalStateException | ClassCastException e) {
      err().println("error: " + file + ": " + e.getMessage());
      return 2;
    }
    Metadata headers = new Metadata();
    if (!apiKey.isEmpty()) {
      headers.put(
          Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + apiKey);
    }
    ModelInferResponse response =
        GRPCInferenceServiceGrpc.newBlockingStub(channel)
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
            .withDeadlineAfter(timeoutMillis, TimeUnit.MILLISECONDS)
            .modelInfer(request);
    out()
        .println(
            new GsonBuilder()
                .setPrettyPrinting()
                .serializeNulls()
                .disableHtmlEscaping()
                .create()
                .toJson(InferJson.response(response)));
    return 0;
  }
}
