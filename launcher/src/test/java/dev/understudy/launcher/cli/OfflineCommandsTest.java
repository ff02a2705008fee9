package dev.understudy.launcher.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import com.google.protobuf.util.JsonFormat;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.GrpcServers;
import dev.understudy.chassis.rpc.RpcServer;
import dev.understudy.chassis.rpc.ServerOptions;
import dev.understudy.comparator.log.EvidenceFile;
import dev.understudy.evidence.words.ReportText;
import dev.understudy.modelkit.fixtures.Fixtures;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.EvidenceServiceGrpc;
import dev.understudy.proto.v1.KeptPair;
import dev.understudy.proto.v1.ReadLogRequest;
import dev.understudy.proto.v1.ReadPairsRequest;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.RolloutRequest;
import dev.understudy.proto.v1.RolloutServiceGrpc;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceLabels;
import dev.understudy.proto.v1.TensorValue;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** The commands as somebody types them: what they print, write, and end with. */
class OfflineCommandsTest {
  @TempDir Path folder;

  private record Ended(int code, String out, String err) {}

  @Test
  void compareProvesReplaysAndJudgesUnderAnotherPlan() throws Exception {
    Path a = Files.write(folder.resolve("a.onnx"), Fixtures.mlp(2, 4, 2, 1));
    Path rows = Files.writeString(folder.resolve("rows.csv"), rows(900));
    Path log = folder.resolve("out.evidence");
    Ended compared =
        run("compare", a + "", a + "", "--data", rows + "", "--id", "id", "--log", log + "");
    assertEquals(0, compared.code(), compared.err());
    assertTrue(compared.out().startsWith("900 rows of "), compared.out());
    assertTrue(compared.out().contains("Result  Proved"), compared.out());
    assertTrue(compared.out().contains("control, copies"), compared.out());

    Ended replayed = run("rollout", "replay", log + "");
    assertEquals(0, replayed.code(), replayed.err());
    assertTrue(
        compared
            .out()
            .contains(
                replayed
                    .out()
                    .substring(0, replayed.out().indexOf("On the same"))
                    .stripTrailing()));
    assertTrue(replayed.out().contains("Understudy         proved at record "), replayed.out());
    assertTrue(replayed.out().contains("Argo-style rule    never looks"), replayed.out());

    Path plan = folder.resolve("strict.yaml");
    Files.writeString(
        plan,
        """
        model: m
        challenger: "2"
        intent: equivalent
        control: mirrored
        beta: 0.0000000001
        steps: [{mirror: 100%}]
        prove:
          failures: {margin: 0.1%}
        """);
    Ended strict = run("rollout", "replay", log + "", "--with", plan + "", "--as", "argo");
    assertEquals(3, strict.code(), strict.err());
    assertTrue(strict.out().contains("Understudy         undecided to the end"), strict.out());
    assertFalse(strict.out().contains("Kayenta"), strict.out());

    Ended json = run("rollout", "replay", log + "", "--output", "json");
    EvidenceReport.Builder report = EvidenceReport.newBuilder();
    JsonFormat.parser().merge(json.out(), report);
    assertEquals(Result.PROVED, report.getOverall());
  }

  @Test
  void logsAndPlansThatCannotBeUsedAreRefusedWithTheReason() throws Exception {
    Path file = folder.resolve("broken.evidence");
    Files.writeString(file, "This is not an evidence log.");
    Ended foreign = run("rollout", "replay", file + "");
    assertEquals(2, foreign.code());
    assertTrue(foreign.err().contains("does not begin as an evidence log"), foreign.err());

    Path log = log(5);
    byte[] bytes = Files.readAllBytes(log);
    Files.write(log, java.util.Arrays.copyOf(bytes, bytes.length - 3));
    Ended cut = run("rollout", "replay", log + "");
    assertEquals(2, cut.code());
    assertTrue(cut.err().contains("is cut short"), cut.err());

    Path plan = Files.writeString(folder.resolve("plan.yaml"), "model: m\nintent: sideways\n");
    Ended wrong = run("rollout", "replay", log(5) + "", "--with", plan + "");
    assertEquals(2, wrong.code());
    assertTrue(wrong.err().contains("intent"), wrong.err());
    assertEquals(2, run("compare", "none.onnx", "none.onnx", "--data", "none.csv").code());
  }

  @Test
  void whatGoesWrongIsNeverTakenForAResult() {
    Ended away = run("rollout", "replay", "r-1", "--comparator", "127.0.0.1:1");
    assertEquals(2, away.code(), away.err());
    Ended half =
        run("tap", "--champion", "h:1/m", "--challenger", "h:2/m", "--tls-cert", "cert.pem");
    assertEquals(2, half.code());
    assertTrue(half.err().contains("--tls-cert without --tls-key"), half.err());
    StringWriter err = new StringWriter();
    PrintWriter to = new PrintWriter(err);
    int unexpected =
        ReportOut.orNotCompared(
            to,
            () -> {
              throw new ArithmeticException("integer overflow");
            });
    int memory =
        ReportOut.orNotCompared(
            to,
            () -> {
              throw new OutOfMemoryError("Java heap space");
            });
    assertEquals(List.of(2, 2), List.of(unexpected, memory));
    assertTrue(err.toString().contains("integer overflow"), err.toString());
    assertTrue(err.toString().contains("Java heap space"), err.toString());
  }

  @Test
  void aLogIsFetchedFromTheComparatorAndReplayedFromThereOrFromTheFile() throws Exception {
    List<EvidenceLogRecord> records = new ArrayList<>();
    EvidenceFile.read(log(40), records::add);
    try (RpcServer comparator = comparator(records, List.of())) {
      String at = "127.0.0.1:" + comparator.port();
      Path file = folder.resolve("fetched.evidence");
      Ended fetched = run("rollout", "log", "r-1", "--out", file + "", "--comparator", at);
      assertEquals(0, fetched.code(), fetched.err());
      Ended fromFile = run("rollout", "replay", file + "");
      Ended fromThere = run("rollout", "replay", "r-1", "--comparator", at);
      assertEquals(fromFile, fromThere);

      Path none = folder.resolve("none.evidence");
      Ended unknown = run("rollout", "log", "r-2", "--out", none + "", "--comparator", at);
      assertEquals(1, unknown.code());
      assertFalse(Files.exists(none));
      assertFalse(Files.exists(folder.resolve("none.evidence.part")));
    }
  }

  @Test
  void keptPairsAreWrittenAsRequestsThatInferTakes() throws Exception {
    List<EvidenceLogRecord> records = new ArrayList<>();
    EvidenceFile.read(log(5), records::add);
    try (RpcServer comparator = comparator(records, List.of(pair()))) {
      Path out = folder.resolve("pairs");
      Ended ended =
          run(
              "pairs",
              "export",
              "r-1",
              "--out",
              out + "",
              "--comparator",
              "127.0.0.1:" + comparator.port());
      assertEquals(0, ended.code(), ended.err());
      String request = Files.readString(out.resolve("pair-001-request.json"));
      ModelInferRequest read = InferJson.request(request, "m", "2");
      assertEquals(pair().getComparison().getFeatures().getData(), read.getRawInputContents(0));
      JsonObject json =
          JsonParser.parseString(Files.readString(out.resolve("pair-001.json"))).getAsJsonObject();
      assertEquals(0.5, json.get("divergence").getAsDouble());
      assertEquals("[\"b\"]", json.get("redacted").toString());
      assertEquals("[{\"a\":\"<1\"}]", json.get("slices").toString());
      assertTrue(json.get("request").toString().contains("[0.5,null]"), json.toString());
      String readme = Files.readString(out.resolve("README.md"));
      assertTrue(readme.contains("understudy infer m pair-001-request.json"), readme);
      assertTrue(readme.contains("NaN (or zero) in the requests: b."), readme);
    }
  }

  @Test
  void aReportIsPrintedFromTheControllersStatus() throws Exception {
    EvidenceReport report =
        EvidenceReport.newBuilder()
            .setRolloutId("r-1")
            .setModel("m")
            .setOverall(Result.UNDECIDED)
            .setStatement("failures: too few yet")
            .build();
    try (RpcServer controller =
        server(
            new RolloutServiceGrpc.RolloutServiceImplBase() {
              @Override
              public void getRollout(
                  RolloutRequest request, StreamObserver<RolloutStatus> responses) {
                responses.onNext(
                    request.getModel().equals("m")
                        ? RolloutStatus.newBuilder().setEvidence(report).build()
                        : RolloutStatus.getDefaultInstance());
                responses.onCompleted();
              }
            })) {
      String at = "127.0.0.1:" + controller.port();
      assertEquals(ReportText.of(report), run("rollout", "report", "m", "--controller", at).out());
      assertEquals(1, run("rollout", "report", "n", "--controller", at).code());
    }
  }

  private Path log(int rows) throws Exception {
    Path a = Files.write(folder.resolve("log.onnx"), Fixtures.mlp(2, 4, 2, 1));
    Path data = Files.writeString(folder.resolve("log.csv"), rows(rows));
    Path contract = folder.resolve("contract.yaml");
    Files.writeString(
        contract, "contract: c/1\nfeatures: {input: features, columns: [{name: a}, {name: b}]}\n");
    Path log = folder.resolve("log" + rows + ".evidence");
    Ended ended =
        run(
            "compare",
            a + "",
            a + "",
            "--data",
            data + "",
            "--ignore",
            "id",
            "--contract",
            contract + "",
            "--log",
            log + "");
    assertTrue(Files.exists(log), ended.err());
    return log;
  }

  private static String rows(int rows) {
    StringBuilder text = new StringBuilder("id,a,b\n");
    for (int i = 0; i < rows; i++) {
      text.append("row ").append(i).append(",0.").append(i).append(",1.").append(i).append('\n');
    }
    return text.toString();
  }

  private static KeptPair pair() {
    return KeptPair.newBuilder()
        .setDivergence(512)
        .setComparison(
            Comparison.newBuilder()
                .setPredictionId("p-1")
                .setModel("m")
                .setChampionVersion("1")
                .setVersion("2")
                .setFeatures(tensor("features", 0.5f, Float.NaN))
                .addChampionOutputs(tensor("probabilities", 0.75f, 0.25f))
                .addOutputs(tensor("probabilities", 0.25f, 0.75f))
                .addRows(
                    SliceLabels.newBuilder()
                        .addLabels(SliceLabel.newBuilder().setSlice("a").setValue("<1"))))
        .build();
  }

  private static TensorValue tensor(String name, float first, float second) {
    return TensorValue.newBuilder()
        .setName(name)
        .setDatatype("FP32")
        .addShape(1)
        .addShape(2)
        .setData(
            ByteString.copyFrom(
                ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putFloat(first)
                    .putFloat(second)
                    .flip()))
        .build();
  }

  /** A comparator that keeps one log and some pairs. Column a is in clear, b is not. */
  private static RpcServer comparator(List<EvidenceLogRecord> records, List<KeptPair> pairs)
      throws IOException {
    return server(
        new EvidenceServiceGrpc.EvidenceServiceImplBase() {
          @Override
          public void readLog(ReadLogRequest request, StreamObserver<EvidenceLogRecord> responses) {
            if (!request.getRolloutId().equals("r-1")) {
              responses.onError(
                  Status.NOT_FOUND.withDescription("unknown rollout").asRuntimeException());
              return;
            }
            for (EvidenceLogRecord record : records) {
              EvidenceLogRecord.Builder shown = record.toBuilder();
              if (record.hasSpec()) {
                shown
                    .getSpecBuilder()
                    .getContractBuilder()
                    .getPrivacyBuilder()
                    .clearClearColumns()
                    .addClearColumns(0);
              }
              responses.onNext(shown.build());
            }
            responses.onCompleted();
          }

          @Override
          public void readPairs(ReadPairsRequest request, StreamObserver<KeptPair> responses) {
            pairs.forEach(responses::onNext);
            responses.onCompleted();
          }
        });
  }

  private static RpcServer server(io.grpc.BindableService service) throws IOException {
    return GrpcServers.server(ServerOptions.at(HostPort.loopback(0)).service(service).build());
  }

  private static Ended run(String... args) {
    CommandLine line = Commands.line();
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    int code = line.execute(args);
    return new Ended(code, out.toString(), err.toString());
  }
}
