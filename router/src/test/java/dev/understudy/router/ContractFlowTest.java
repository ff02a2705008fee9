package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import dev.understudy.proto.contract.ContractFile;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.ClientInterceptor;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Requests and their data contract, through a whole router. */
class ContractFlowTest {
  private static final Metadata.Key<String> FLAGS =
      Metadata.Key.of("understudy-flags", Metadata.ASCII_STRING_MARSHALLER);

  private static DataContract contract(Map<String, Object> first, Map<String, Object> last) {
    return ContractFile.parse(
        "t",
        Map.of(
            "contract",
            "fraud/2",
            "features",
            Map.of("input", "x", "columns", List.of(first, Map.of("name", "b"), last))));
  }

  private static DataContract ranged(String action) {
    return contract(
        Map.of("name", "amount", "min", 0, "max", 10, "action", action),
        Map.of("name", "mcc", "allowed", List.of(3, 4)));
  }

  private static ModelInferRequest request(float... features) {
    return FakeBackend.request(Rig.MODEL, features);
  }

  static String metrics(Rig rig) throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      URI page =
          URI.create(
              "http://127.0.0.1:" + rig.router.ports().getOrDefault("metrics", 0) + "/metrics");
      return client.send(HttpRequest.newBuilder(page).build(), BodyHandlers.ofString()).body();
    }
  }

  private static <T extends com.google.protobuf.Message> T detail(
      StatusRuntimeException e, Class<T> type) throws Exception {
    com.google.rpc.Status status = StatusProto.fromThrowable(e);
    assertNotNull(status);
    for (com.google.protobuf.Any any : status.getDetailsList()) {
      if (any.is(type)) {
        return any.unpack(type);
      }
    }
    throw new AssertionError("no " + type.getSimpleName() + " in " + status);
  }

  @Test
  void aBrokenContractIsRefusedWithAllThatIsWrongAndNoBackendHearsOfIt() throws Exception {
    try (Rig rig = Rig.watching("metrics: 127.0.0.1:0\n")) {
      rig.offer(1, 0, 0, route -> route.setContract(ranged("refuse")));
      StatusRuntimeException e =
          Rig.failure(() ->
              rig.stub()
                  .modelInfer(
                      request(5, 0, 3, -1, 0, 7, 11, 0, 4).toBuilder().setId("mine").build()));
      assertEquals(
          "INVALID_ARGUMENT [request id: mine] the data contract of model 'fraud' is broken:"
              + " inputs[x].data[row=1, amount]: -1 (expected: 0 to 10); violations in all: 3",
          Rig.told(e));
      assertEquals(
          List.of(
              "inputs[x].data[row=1, amount]: -1 (expected: 0 to 10)",
              "inputs[x].data[row=1, mcc]: 7 (expected: one of [3, 4])",
              "inputs[x].data[row=2, amount]: 11 (expected: 0 to 10)"),
          detail(e, BadRequest.class).getFieldViolationsList().stream()
              .map(v -> v.getField() + ": " + v.getDescription())
              .toList());
      ErrorInfo info = detail(e, ErrorInfo.class);
      assertEquals("CONTRACT_VIOLATED", info.getReason());
      assertEquals("3", info.getMetadataOrThrow("violations"));
      assertEquals(0, rig.champion.calls());
      rig.stub().modelInfer(request(5, 0, 3));
      String metrics = metrics(rig);
      for (String series :
          List.of(
              "{action=\"refuse\",model=\"fraud\",rule=\"amount.range\"} 2",
              "{action=\"refuse\",model=\"fraud\",rule=\"mcc.allowed\"} 1")) {
        assertTrue(
            metrics
                .lines()
                .anyMatch(line ->
                    line.startsWith("understudy_contract_violations_total{")
                        && sorted(line)
                            .equals(sorted("understudy_contract_violations_total" + series))),
            metrics);
      }
    }
  }

  /** Labels in whatever order, without those of the exporter's scope, and the value as a whole. */
  private static List<String> sorted(String line) {
    List<String> parts = new ArrayList<>();
    for (String part : line.replace(".0", "").split("[{},]", -1)) {
      if (!part.startsWith("otel_")) {
        parts.add(part.trim());
      }
    }
    parts.sort(null);
    return parts;
  }

  @Test
  void howeverMuchIsWrongTheRefusalFitsTheTrailersOfAnyClient() throws Exception {
    try (Rig rig = Rig.watching("")) {
      String name = "a-name-of-some-length-".repeat(20);
      rig.offer(
          1,
          0,
          0,
          route ->
              route.setContract(
                  contract(Map.of("name", name, "max", 0), Map.of("name", "Ö" + name, "max", 0))));
      float[] wrong = new float[24];
      java.util.Arrays.fill(wrong, 1);
      StatusRuntimeException e = Rig.failure(() -> rig.stub().modelInfer(request(wrong)));
      assertEquals("16", detail(e, ErrorInfo.class).getMetadataOrThrow("violations"));
      int told = detail(e, BadRequest.class).getFieldViolationsCount();
      assertTrue(told >= 8 && told <= 16, () -> "told: " + told);
    }
  }

  @Test
  void clampedValuesReachChampionAndShadowAlikeAndTheCallIsFlagged() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(
          1,
          0,
          10_000,
          route ->
              route.setContract(
                  contract(
                      Map.of("name", "amount", "min", 0, "max", 10, "action", "clamp"),
                      Map.of(
                          "name",
                          "age",
                          "min",
                          0,
                          "missing",
                          Map.of("value", -1, "default", 40)))));
      Rig.Captured captured = new Rig.Captured();
      ClientInterceptor capture =
          MetadataUtils.newCaptureMetadataInterceptor(captured.headers, captured.trailers);
      rig.stub().withInterceptors(capture).modelInfer(request(99, 2, -1));
      Rig.eventually("the copy has arrived", () -> rig.shadow.calls() == 1);
      ModelInferRequest wanted = request(10, 2, 40);
      assertEquals(
          wanted.getRawInputContentsList(),
          rig.champion.requests().getFirst().getRawInputContentsList());
      assertEquals(
          wanted.getRawInputContentsList(),
          rig.shadow.requests().getFirst().getRawInputContentsList());
      String flags = captured.trailers.get().get(FLAGS);
      assertEquals("contract.clamped,contract.filled", flags);
      Rig.eventually("the record has arrived", () -> rig.lineage().size() == 1);
      assertEquals(
          List.of("contract.clamped", "contract.filled"), rig.lineage().getFirst().getFlagsList());
    }
  }

  @Test
  void bytesInFlightReturnToNothingWhenClampingChangesTheLength() throws Exception {
    try (Rig rig = Rig.watching("metrics: 127.0.0.1:0\n")) {
      rig.offer(1, 0, 0, route -> route.setContract(ranged("clamp")));
      ModelInferRequest.Builder typed = request(1, 2, 3).toBuilder().clearRawInputContents();
      typed
          .getInputsBuilder(0)
          .getContentsBuilder()
          .addFp32Contents(99)
          .addFp32Contents(0)
          .addFp32Contents(3);
      // Written twice, which the router's copy does not keep.
      ModelInferRequest request = typed.build();
      rig.stub().modelInfer(request);
      assertEquals(
          List.of(10f, 0f, 3f),
          rig.champion.requests().getFirst().getInputs(0).getContents().getFp32ContentsList());
      Rig.eventually(
          "no bytes are in flight",
          () -> {
            try {
              return metrics(rig)
                  .lines()
                  .anyMatch(
                      line -> line.startsWith("router_bytes_in_flight") && line.endsWith(" 0.0"));
            } catch (Exception e) {
              throw new AssertionError(e);
            }
          });
    }
  }

  @Test
  void aTrialRefusesNobody() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(
          1,
          0,
          0,
          route ->
              route.setContract(
                  contract(
                      Map.of("name", "amount", "max", 0, "trial", true),
                      Map.of("name", "c", "max", 0, "action", "flag"))));
      rig.stub().modelInfer(request(1, 1, 1));
      Rig.eventually("the record has arrived", () -> rig.lineage().size() == 1);
      assertEquals(
          List.of("contract.c", "contract.trial.amount"),
          rig.lineage().getFirst().getFlagsList().stream().sorted().toList());
    }
  }

  @Test
  void aTableWhoseContractNoRequestCanKeepIsRefused() throws Exception {
    try (Rig rig = Rig.watching("")) {
      DataContract two =
          ContractFile.parse(
              "t",
              Map.of(
                  "contract",
                  "t/1",
                  "features",
                  Map.of(
                      "input",
                      "x",
                      "columns",
                      List.of(Map.of("name", "a", "max", 1), Map.of("name", "b")))));
      assertEquals(
          "model 'fraud' has a contract that has 2 columns in input 'x' (expected: 3)",
          rig.router.offer(
              RoutingTable.newBuilder()
                  .setEpoch(1)
                  .setRevision(1)
                  .addModels(rig.route(0, 0).toBuilder().setContract(two))
                  .build()));
    }
  }
}
