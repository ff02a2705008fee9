package dev.understudy.launcher.cli;

import com.google.gson.JsonParseException;
import com.google.protobuf.util.JsonFormat;
import dev.understudy.proto.v1.ExplainRouteRequest;
import dev.understudy.proto.v1.ExplainRouteResponse;
import dev.understudy.proto.v1.RouteStep;
import dev.understudy.proto.v1.RouterAdminGrpc;
import io.grpc.ManagedChannel;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code understudy route --dry-run MODEL}: what would happen to a request, and why. */
@Command(
    name = "route",
    description =
        "Say what would happen to a request at a router, layer by layer, without sending it to a"
            + " backend and without counting it.",
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {
      "0:the request would be forwarded",
      "1:the router could not be asked",
      "2:the command line is wrong",
      "3:the request would be refused"
    })
final class RouteCommand extends RpcCommand {
  private static final int REFUSED = 3;
  private static final long PATIENCE_SECONDS = 10;

  @Option(
      names = "--dry-run",
      required = true,
      description = "Send nothing. Needed: to send a request, use 'understudy infer'.")
  boolean dryRun;

  @Option(
      names = "--router",
      paramLabel = "HOST:PORT",
      defaultValue = "${env:UNDERSTUDY_ROUTER_ADMIN:-127.0.0.1:8091}",
      description = "The router's admin port (default: ${DEFAULT-VALUE}).")
  String router;

  @Option(
      names = "--header",
      paramLabel = "NAME=VALUE",
      description = "Metadata of the call; may be repeated.")
  Map<String, String> headers = new LinkedHashMap<>();

  @Option(
      names = "--key-as",
      paramLabel = "PRINCIPAL",
      defaultValue = "",
      description = "Take the call to come from this principal, without its key.")
  String principal;

  @Option(
      names = "--request",
      paramLabel = "FILE",
      description = "JSON request as 'understudy infer' takes it, or - for standard input.")
  @Nullable Path request;

  @Option(
      names = "--rows",
      paramLabel = "N",
      defaultValue = "0",
      description = "Instead of --request: N rows of zeros, as the model's signature has them.")
  int rows;

  @Option(
      names = "--version",
      paramLabel = "N",
      defaultValue = "",
      description = "The model version that is asked for.")
  String version;

  @Option(
      names = "--id",
      paramLabel = "UUID",
      defaultValue = "",
      description = "The prediction id by which it is decided (default: a new one).")
  String id;

  @Option(
      names = "--timeout-ms",
      paramLabel = "MS",
      defaultValue = "0",
      description = "The caller's deadline (default: none).")
  long timeoutMillis;

  @Option(
      names = "--output",
      paramLabel = "FORM",
      defaultValue = "TEXT",
      description = "text or json.")
  RolloutCommand.Output output;

  @Parameters(paramLabel = "MODEL", description = "The model's name.")
  String model;

  @Override
  String target() {
    return router;
  }

  @Override
  int run(ManagedChannel channel) throws Exception {
    if (rows < 0 || (rows > 0 && request != null)) {
      err().println("error: --rows: " + rows + " (expected: 1 to 4096, and no --request with it)");
      return 2;
    }
    ExplainRouteRequest.Builder asked =
        ExplainRouteRequest.newBuilder()
            .setModel(model)
            .setRows(rows)
            .setPrincipal(principal)
            .setPredictionId(id)
            .setTimeoutMs(timeoutMillis);
    headers.forEach((name, value) -> asked.putHeaders(name.toLowerCase(Locale.ROOT), value));
    Path file = request;
    if (file != null) {
      String json =
          file.toString().equals("-")
              ? new String(System.in.readAllBytes(), StandardCharsets.UTF_8)
              : Files.readString(file);
      try {
        asked.setRequest(InferJson.request(json, model, version));
      } catch (JsonParseException | IllegalStateException | ClassCastException e) {
        err().println("error: " + file + ": " + e.getMessage());
        return 2;
      }
    } else if (!version.isEmpty()) {
      err().println("error: --version: " + version + " (expected: with --request)");
      return 2;
    }
    ExplainRouteResponse answer =
        RouterAdminGrpc.newBlockingStub(channel)
            .withDeadlineAfter(PATIENCE_SECONDS, TimeUnit.SECONDS)
            .explainRoute(asked.build());
    if (output == RolloutCommand.Output.JSON) {
      out().println(JsonFormat.printer().preservingProtoFieldNames().print(answer));
    } else {
      print(answer, out());
    }
    return answer.getForwarded() ? 0 : REFUSED;
  }

  private static void print(ExplainRouteResponse answer, PrintWriter out) {
    for (RouteStep step : answer.getStepsList()) {
      String mark =
          switch (step.getResult()) {
            case STEP_PASSES -> "✓";
            case STEP_REFUSES -> "✗";
            default -> "–";
          };
      out.printf("%s %-10s %s%n", mark, step.getLayer(), step.getText());
      step.getFactsMap().entrySet().stream()
          .filter(fact -> fact.getKey().startsWith("violation_"))
          .forEach(fact -> out.printf("  %-10s   %s%n", "", fact.getValue()));
    }
    if (!answer.getForwarded()) {
      out.printf("Refused: %s %s%n", answer.getCode(), answer.getMessage());
      return;
    }
    out.printf(
        "Answered by arm '%s', version %s; %s; %s%s%n",
        answer.getArm(),
        answer.getVersion(),
        answer.getJudged() ? "evidence" : "no evidence",
        answer.getMirrored() ? "copied" : "not copied",
        answer.getFlagsCount() == 0 ? "" : "; flagged " + String.join(", ", answer.getFlagsList()));
  }
}
