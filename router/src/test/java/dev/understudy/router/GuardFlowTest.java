package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.contract.ContractFile;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.LineageRecord;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.PayloadRecord;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.stub.MetadataUtils;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Answers and their contract, through a whole router; the rig's shadow stands for a benchmark. */
class GuardFlowTest {
  private static DataContract contract(Map<String, Object> answers) {
    return ContractFile.parse(
        "t",
        Map.of(
            "contract",
            "fraud/2",
            "decision",
            Map.of("output", "p", "kind", "probabilities", "column", 1),
            "answers",
            answers));
  }

  private static ModelRoute.Builder answers(
      Rig rig, ModelRoute.Builder route, Map<String, Object> answers) {
    return route
        .setContract(contract(answers))
        .addArms(Rig.arm("benchmark", Role.BENCHMARK, "9", rig.shadow));
  }

  private static LineageRecord record(Rig rig) {
    Rig.eventually("the record has arrived", () -> rig.lineage().size() == 1);
    return rig.lineage().getFirst();
  }

  private static List<Float> values(ModelInferResponse response) {
    var floats =
        response
            .getRawOutputContents(0)
            .asReadOnlyByteBuffer()
            .order(ByteOrder.LITTLE_ENDIAN)
            .asFloatBuffer();
    return List.of(floats.get(0), floats.get(1));
  }

  @Test
  void anAnswerOutOfRangeCountsAgainstTheCanaryAndTheChampionAnswers() throws Exception {
    try (Rig rig = Rig.watching("")) {
      Map<String, Object> range = Map.of("output", "p", "min", 0, "max", 1, "sumToOne", 0.001);
      rig.offer(1, 10_000, 0, route -> answers(rig, route, Map.of("outputs", List.of(range))));
      rig.canary.behave(FakeBackend.ok(1.5f));
      assertEquals("1", rig.infer().getModelVersion());
      Rig.eventually(
          "it is counted", () -> rig.outcomes(Role.CANARY, Outcome.BAD_OUTPUT_GUARD) == 1);
      rig.champion.behave(FakeBackend.ok(1.5f));
      assertEquals(
          "INTERNAL model 'fraud' answered with -0.5 (expected: 0 to 1) in output 'p' (element 0)",
          Rig.told(Rig.failure(rig::infer)));
      assertEquals(0, rig.shadow.calls());
    }
  }

  @Test
  void aModelThatIsNotSureIsReviewedAndNotBlamed() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(
          1, 10_000, 0, route -> answers(rig, route, Map.of("confidence", Map.of("below", 0.8))));
      Rig.Captured captured = new Rig.Captured();
      ModelInferResponse response =
          rig.stub()
              .withInterceptors(
                  MetadataUtils.newCaptureMetadataInterceptor(captured.headers, captured.trailers))
              .modelInfer(Rig.request());
      assertEquals("2", response.getModelVersion());
      Metadata trailers = captured.trailers.get();
      assertEquals("guard.low-confidence", trailers.get(key("understudy-flags")));
      assertEquals("true", trailers.get(key("understudy-review-required")));
      assertTrue(record(rig).getReviewRequired());
      Rig.eventually("it is counted", () -> rig.outcomes(Role.CANARY, Outcome.OK) == 1);
      rig.canary.behave(FakeBackend.ok(0.9f));
      rig.infer();
      Rig.eventually("both are recorded", () -> rig.lineage().size() == 2);
      assertEquals(1, rig.lineage().stream().filter(LineageRecord::getReviewRequired).count());
    }
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  @Test
  void aDoubtfulCanaryFallsBackToTheChampionAndIsNotBlamed() throws Exception {
    try (Rig rig = Rig.watching("")) {
      Map<String, Object> answers =
          Map.of("confidence", Map.of("below", 0.7, "action", "fallback"));
      rig.offer(1, 10_000, 0, route -> answers(rig, route, answers));
      rig.canary.behave(FakeBackend.ok(0.5f));
      assertEquals("1", rig.infer().getModelVersion());
      LineageRecord record = record(rig);
      assertEquals(List.of("guard.low-confidence", "guard.fallback"), record.getFlagsList());
      assertEquals(Role.CHAMPION, record.getAnsweredRole());
      assertEquals(Outcome.OK, record.getOutcome());
      Rig.eventually("it is counted", () -> rig.outcomes(Role.CANARY, Outcome.OK) == 1);
      // Without a champion the doubtful answer is given all the same.
      rig.champion.behave(FakeBackend.failing(Status.UNAVAILABLE));
      assertEquals("2", rig.infer().getModelVersion());
    }
  }

  @Test
  void refusalsOfDoubtfulAnswersSayByHowMuch() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(
          1,
          0,
          0,
          route ->
              answers(rig, route, Map.of("confidence", Map.of("below", 0.8, "action", "refuse"))));
      assertEquals(
          "FAILED_PRECONDITION model 'fraud' is not sure enough of its answer: 0.75 (expected: at"
              + " least 0.8)",
          Rig.told(Rig.failure(rig::infer)));
      rig.offer(
          2,
          0,
          0,
          route ->
              answers(
                  rig,
                  route,
                  Map.of(
                      "disagree",
                      Map.of("above", 0.125, "action", "refuse"),
                      "benchmark",
                      Map.of("wait", "10s", "timeout", "10s"))));
      assertEquals(
          "FAILED_PRECONDITION model 'fraud' and its benchmark disagree by 0.25 (expected: at most"
              + " 0.125)",
          Rig.told(Rig.failure(rig::infer)));
      Rig.eventually(
          "the champion is not blamed", () -> rig.outcomes(Role.CHAMPION, Outcome.OK) == 2);
    }
  }

  @Test
  void theBenchmarkAnswersWhereTheContractSaysSo() throws Exception {
    try (Rig rig = Rig.watching("")) {
      Map<String, Object> answers =
          Map.of(
              "disagree",
              Map.of("above", 0.125, "action", "benchmark"),
              "benchmark",
              Map.of("wait", "10s", "timeout", "10s"));
      rig.offer(1, 0, 0, route -> answers(rig, route, answers));
      assertEquals("9", rig.infer().getModelVersion());
      LineageRecord record = record(rig);
      assertEquals(List.of("guard.disagreement", "guard.benchmark"), record.getFlagsList());
      assertEquals(Role.BENCHMARK, record.getAnsweredRole());
      rig.shadow.behave(FakeBackend.ok(0.3f));
      assertEquals("1", rig.infer().getModelVersion());
    }
  }

  @Test
  void aBenchmarkThatHangsFailsOrIsGoneCostsTheWaitAndNoMore() throws Exception {
    try (Rig rig = Rig.watching("metrics: 127.0.0.1:0\n")) {
      Map<String, Object> answers =
          Map.of("disagree", Map.of("above", 0.125), "benchmark", Map.of("wait", "20ms"));
      rig.offer(1, 0, 0, route -> answers(rig, route, answers));
      rig.shadow.behave(FakeBackend.hanging());
      assertEquals("1", rig.infer().getModelVersion());
      rig.shadow.behave(FakeBackend.failing(Status.INTERNAL));
      assertEquals("1", rig.infer().getModelVersion());
      String metrics = ContractFlowTest.metrics(rig);
      assertTrue(value(metrics, "router_benchmark_late_total") >= 1, metrics);
      assertEquals(
          2,
          value(metrics, "router_benchmark_late_total")
              + value(metrics, "router_benchmark_failed_total"),
          metrics);
      rig.shadow.kill();
      assertEquals("1", rig.infer().getModelVersion());
    }
  }

  private static double value(String metrics, String name) {
    return metrics
        .lines()
        .filter(line -> line.startsWith(name))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
        .sum();
  }

  @Test
  void whatCallersGetIsCoarsenedAndWhatIsRecordedIsTrue() throws Exception {
    try (Rig rig = Rig.watching("")) {
      Map<String, Object> answers = Map.of("extraction", Map.of("round", 1));
      rig.offer(1, 0, 0, route -> answers(rig, route, answers).setPayloadSampleBp(10_000));
      assertEquals(List.of(0.8f, 0.2f), values(rig.infer()));
      Rig.eventually("the payload has arrived", () -> rig.receivers.payloads().size() == 1);
      assertEquals(List.of(0.25), rig.receivers.payloads().getFirst().getScoresList());
      rig.offer(
          2,
          0,
          0,
          route ->
              answers(
                  rig,
                  route,
                  Map.of("extraction", Map.of("topK", 1, "except", List.of("anonymous")))));
      assertEquals(List.of(0.75f, 0.25f), values(rig.infer()));
      rig.offer(
          3,
          0,
          0,
          route ->
              answers(
                  rig,
                  route,
                  Map.of("extraction", Map.of("topK", 1, "principals", List.of("anonymous")))));
      assertEquals(List.of(0.75f, 0f), values(rig.infer()));
    }
  }

  @Test
  void aContractThatAsksABenchmarkNeedsOne() throws Exception {
    try (Rig rig = Rig.watching("")) {
      assertEquals(
          "model 'fraud' has a contract that asks a benchmark, but no arm of role BENCHMARK",
          rig.router.offer(
              RoutingTable.newBuilder()
                  .setEpoch(1)
                  .setRevision(1)
                  .addModels(
                      rig.route(0, 0).toBuilder()
                          .setContract(contract(Map.of("disagree", Map.of("above", 0.1)))))
                  .build()));
    }
  }

  @Test
  void aCanarysDoubtfulAnswerIsItsEvidenceWhoeverAnswersInstead() throws Exception {
    try (Rig rig = Rig.watching("")) {
      Map<String, Object> answers =
          Map.of("confidence", Map.of("below", 0.7, "action", "fallback"));
      rig.offer(1, 10_000, 0, route -> answers(rig, route, answers).setPayloadSampleBp(10_000));
      rig.canary.behave(FakeBackend.ok(0.5f));
      assertEquals("1", rig.infer().getModelVersion());
      Rig.eventually("the payload has arrived", () -> rig.receivers.payloads().size() == 1);
      PayloadRecord payload = rig.receivers.payloads().getFirst();
      assertEquals(Role.CANARY, payload.getRole());
      assertEquals("2", payload.getVersion());
      assertEquals(10_000, payload.getCanaryWeightBp());
      assertEquals(List.of(0.5), payload.getScoresList());
    }
  }

  @Test
  void aChampionWithoutRoomTakesNoDoubtfulCallOver() throws Exception {
    try (Rig rig = Rig.watching("upstream: {headroom: {factor: 1, calls: 0}}\n")) {
      Map<String, Object> answers =
          Map.of("confidence", Map.of("below", 0.7, "action", "fallback"));
      rig.offer(1, 10_000, 0, route -> answers(rig, route, answers));
      rig.canary.behave(FakeBackend.ok(0.5f));
      assertEquals("2", rig.infer().getModelVersion());
      assertEquals(0, rig.champion.calls());
      assertTrue(record(rig).getReviewRequired());
    }
  }
}
