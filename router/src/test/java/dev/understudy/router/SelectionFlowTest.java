package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.contract.ContractFile;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Eligibility;
import dev.understudy.proto.v1.ExplainRouteRequest;
import dev.understudy.proto.v1.ExplainRouteResponse;
import dev.understudy.proto.v1.HeaderMatch;
import dev.understudy.proto.v1.Holdout;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RouteRule;
import dev.understudy.proto.v1.RouteStep;
import dev.understudy.proto.v1.RouterAdminGrpc;
import dev.understudy.proto.v1.SetChampionOnlyRequest;
import dev.understudy.proto.v1.StepResult;
import dev.understudy.router.split.Band;
import dev.understudy.router.split.Share;
import dev.understudy.router.split.Split;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Rules, hold-out, layers and shares on live calls; and what a dry run says of them. */
class SelectionFlowTest {
  private Rig rig;
  private ManagedChannel admin;

  @BeforeEach
  void start() throws Exception {
    rig = Rig.watching("");
    admin =
        NettyChannelBuilder.forAddress("127.0.0.1", rig.router.ports().getOrDefault("admin", 0))
            .usePlaintext()
            .build();
  }

  @AfterEach
  void stop() {
    admin.shutdownNow();
    rig.close();
  }

  private static ModelRoute.Builder byKey(ModelRoute.Builder route) {
    return route.setUnit(RandomisationUnit.KEY).setKeyMetadata("x-customer");
  }

  private static RouteRule rule(String name, String arm, String header, String value) {
    return RouteRule.newBuilder()
        .setName(name)
        .setArm(arm)
        .addHeaders(HeaderMatch.newBuilder().setName(header).addAnyOf(value))
        .build();
  }

  private String version(String header, String value) {
    return rig.stub(header, value).modelInfer(Rig.request()).getModelVersion();
  }

  private ExplainRouteResponse explain(UnaryOperator<ExplainRouteRequest.Builder> change) {
    return RouterAdminGrpc.newBlockingStub(admin)
        .withDeadlineAfter(15, TimeUnit.SECONDS)
        .explainRoute(
            change
                .apply(
                    ExplainRouteRequest.newBuilder().setModel(Rig.MODEL).setRequest(Rig.request()))
                .build());
  }

  private static RouteStep step(ExplainRouteResponse answer, String layer) {
    return answer.getStepsList().stream()
        .filter(step -> step.getLayer().equals(layer))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no step " + layer + " in " + answer));
  }

  private List<Cell> cells() {
    return rig.blocks().stream().flatMap(block -> block.getCellsList().stream()).toList();
  }

  private long leftOut() {
    return cells().stream().mapToLong(Cell::getLeftOut).sum();
  }

  private long assigned() {
    return cells().stream().mapToLong(Cell::getAssigned).sum();
  }

  @Test
  void aRuleNamesTheArmAndItsCallsAreLeftOut() {
    rig.offer(
        1,
        0,
        0,
        route ->
            route
                .addRules(rule("staff", "canary", "x-team", "ml"))
                .addRules(rule("frozen", "champion", "x-team", "audit")));
    assertEquals("2", version("x-team", "ml"));
    assertEquals("1", version("x-team", "audit"));
    assertEquals("1", version("x-team", "sales"));
    Rig.eventually("three calls are counted", () -> leftOut() == 2 && assigned() == 1);
    assertEquals(0, rig.assigned(Role.CANARY));
  }

  @Test
  void aRuleWhoseArmIsNotInForceOrNotThereGivesTheChampionAndFlagsTheCall() {
    rig.offer(1, 1000, 0, route -> route.addRules(rule("later", "control", "x-team", "ml")));
    assertEquals(List.of("1", "rule.later.champion-instead"), flagged("x-team", "ml"));

    rig.offer(2, 1000, 0, route -> route.addRules(rule("staff", "canary", "x-team", "ml")));
    assertEquals(List.of("2", "none"), flagged("x-team", "ml"));
    championOnly(true);
    assertEquals(List.of("1", "rule.staff.champion-instead"), flagged("x-team", "ml"));
    ExplainRouteResponse told = explain(asked -> asked.putHeaders("x-team", "ml"));
    assertEquals(List.of("rule.staff.champion-instead"), told.getFlagsList());
    assertEquals(
        "rule 'staff' matches first: arm 'canary', which is not in force: the champion, flagged; no"
            + " evidence",
        step(told, "rules").getText());
    championOnly(false);
    Rig.eventually(
        "the flags are recorded",
        () ->
            rig.lineage().stream()
                    .filter(record -> record.getFlagsList().contains("rule.staff.champion-instead"))
                    .count()
                == 1);
  }

  private void championOnly(boolean on) {
    assertNotNull(
        RouterAdminGrpc.newBlockingStub(admin)
            .setChampionOnly(
                SetChampionOnlyRequest.newBuilder()
                    .setModel(Rig.MODEL)
                    .setChampionOnly(on)
                    .build()));
  }

  /** The version that answered, and the flags in the trailers. */
  private List<String> flagged(String header, String value) {
    Rig.Captured captured = new Rig.Captured();
    String version =
        rig.stub(header, value)
            .withInterceptors(
                MetadataUtils.newCaptureMetadataInterceptor(captured.headers, captured.trailers))
            .modelInfer(Rig.request())
            .getModelVersion();
    Metadata trailers = captured.trailers.get();
    String flags =
        trailers.get(Metadata.Key.of("understudy-flags", Metadata.ASCII_STRING_MARSHALLER));
    return List.of(version, flags == null ? "none" : flags);
  }

  @Test
  void theChampionRescuesACallThatARuleSentAway() {
    rig.offer(1, 0, 0, route -> route.addRules(rule("staff", "canary", "x-team", "ml")));
    rig.canary.behave(FakeBackend.failing(io.grpc.Status.UNAVAILABLE));
    assertEquals("1", version("x-team", "ml"));
    assertEquals(1, rig.canary.calls());
    assertEquals(1, rig.champion.calls());
  }

  @Test
  void heldOutAndIneligibleKeysStayWithTheChampionHoweverTheWeightGrows() {
    Band held = Band.ofHoldout("2026", 3000);
    Band range = Band.ofLayer("pricing", 0, 5000);
    Split split = new Split("salt");
    long revision = 1;
    long judged = 0;
    long left = 0;
    for (int weight : new int[] {0, 2500, 10_000}) {
      rig.offer(
          revision++,
          weight,
          10_000,
          route ->
              byKey(route)
                  .setHoldout(Holdout.newBuilder().setSalt("2026").setShareBp(3000))
                  .setEligibility(Eligibility.newBuilder().setLayer("pricing").setToBp(5000)));
      for (int i = 0; i < 40; i++) {
        String key = "customer-" + i;
        boolean in = !held.contains(key) && range.contains(key);
        boolean canary = in && split.share(split.point(key), weight, 0) == Share.CANARY;
        assertEquals(canary ? "2" : "1", version("x-customer", key), key + " at " + weight);
        judged += in ? 1 : 0;
        left += in ? 0 : 1;
      }
    }
    long expectedJudged = judged;
    long expectedLeft = left;
    assertTrue(expectedJudged > 10 && expectedLeft > 10);
    Rig.eventually(
        "every call is counted", () -> assigned() == expectedJudged && leftOut() == expectedLeft);
    long copied =
        cells().stream()
            .filter(cell -> cell.getRole() == Role.CHAMPION)
            .mapToLong(Cell::getAssigned)
            .sum();
    Rig.eventually("who is left out is not copied", () -> rig.shadow.shadowCalls() == copied);
  }

  @Test
  void aBlueGreenSwitchTakesEverythingAndComesBackAtOnce() {
    for (long revision = 1; revision <= 4; revision++) {
      boolean green = revision % 2 == 0;
      rig.offer(revision, green ? 10_000 : 0, 0, route -> route);
      for (int i = 0; i < 20; i++) {
        assertEquals(green ? "2" : "1", rig.infer().getModelVersion());
      }
    }
  }

  @Test
  void anAbTestKeepsEachKeyOnItsSide() {
    rig.offer(1, 5000, 0, SelectionFlowTest::byKey);
    List<String> first = new ArrayList<>();
    for (int round = 0; round < 3; round++) {
      for (int i = 0; i < 30; i++) {
        String version = version("x-customer", "customer-" + i);
        if (round == 0) {
          first.add(version);
        }
        assertEquals(first.get(i), version);
      }
    }
    assertTrue(first.contains("1") && first.contains("2"), first.toString());
  }

  @Test
  void aDryRunSaysWhatTheLiveCallThenDoesAndCountsNothing() {
    rig.offer(
        1,
        5000,
        5000,
        route ->
            byKey(route)
                .addRules(rule("staff", "canary", "x-team", "ml"))
                .setHoldout(Holdout.newBuilder().setSalt("2026").setShareBp(2000))
                .setEligibility(Eligibility.newBuilder().setLayer("pricing").setToBp(8000)));
    List<ExplainRouteResponse> told = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      String key = "customer-" + i;
      told.add(explain(asked -> asked.putHeaders("x-customer", key)));
    }
    assertEquals(0, rig.champion.calls() + rig.canary.calls() + rig.shadow.calls());
    long judged = 0;
    for (int i = 0; i < 40; i++) {
      ExplainRouteResponse said = told.get(i);
      assertTrue(said.getForwarded(), said.toString());
      assertEquals(said.getVersion(), version("x-customer", "customer-" + i));
      judged += said.getJudged() ? 1 : 0;
    }
    assertTrue(judged > 5 && judged < 40, "judged " + judged);
    long expected = judged;
    Rig.eventually(
        "only live calls count", () -> assigned() == expected && leftOut() == 40 - expected);
  }

  @Test
  void aDryRunNamesEveryLayerInItsOrder() {
    rig.offer(1, 2500, 10_000, route -> route.addRules(rule("staff", "canary", "x-team", "ml")));
    ExplainRouteResponse said =
        explain(asked ->
            asked.setTimeoutMs(200).setPredictionId("0199c0de-0000-7000-8000-000000000001"));
    assertEquals(
        List.of(
            "who",
            "limits",
            "signature",
            "rules",
            "split",
            "upstream",
            "deadline",
            "mirror",
            "guard"),
        said.getStepsList().stream().map(RouteStep::getLayer).toList());
    assertEquals("principal 'anonymous'", step(said, "who").getText());
    assertEquals("1", step(said, "signature").getFactsMap().get("rows"));
    assertEquals("none of 1 matches", step(said, "rules").getText());
    assertEquals("2500", step(said, "split").getFactsMap().get("canary_bp"));
    assertEquals(1, said.getRevision());
    assertEquals("0199c0de-0000-7000-8000-000000000001", said.getPredictionId());
    ExplainRouteResponse again =
        explain(asked -> asked.setPredictionId("0199c0de-0000-7000-8000-000000000001"));
    assertEquals(said.getArm(), again.getArm());
    assertEquals(said.getMirrored(), said.getRole() == Role.CHAMPION);
  }

  @Test
  void aDryRunRefusesAsTheRouterDoesAndStillTellsTheRest() {
    rig.offer(1, 0, 0, route -> route);
    ExplainRouteResponse wrong =
        explain(asked -> asked.setRequest(FakeBackend.request(Rig.MODEL, 1, 2, 3, 4, 5)));
    assertFalse(wrong.getForwarded());
    assertEquals("INVALID_ARGUMENT", wrong.getCode());
    assertEquals(
        Rig.told(
            Rig.failure(
                () -> rig.stub().modelInfer(FakeBackend.request(Rig.MODEL, 1, 2, 3, 4, 5)))),
        wrong.getCode() + " " + wrong.getMessage());
    assertEquals(StepResult.STEP_REFUSES, step(wrong, "signature").getResult());
    assertEquals(StepResult.STEP_PASSES, step(wrong, "upstream").getResult());

    ExplainRouteResponse unknown = explain(asked -> asked.setModel("nope"));
    assertEquals("NOT_FOUND", unknown.getCode());
    assertEquals("Request for unknown model: 'nope' is not found", unknown.getMessage());
    ExplainRouteResponse arm = explain(asked -> asked.putHeaders("x-understudy-arm", "canary"));
    assertEquals("NOT_A_TESTER", arm.getReason());

    ExplainRouteResponse bare = explain(ExplainRouteRequest.Builder::clearRequest);
    assertTrue(bare.getForwarded());
    assertEquals(StepResult.STEP_NOT_ASKED, step(bare, "signature").getResult());
    ExplainRouteResponse zeros = explain(asked -> asked.clearRequest().setRows(3));
    assertEquals("3", step(zeros, "signature").getFactsMap().get("rows"));
    ExplainRouteResponse many = explain(asked -> asked.clearRequest().setRows(5000));
    assertEquals(
        "rows: 5000 (expected: 1 to 4096, and at most 16 MiB of zeros)", many.getMessage());
    assertEquals(0, rig.champion.calls());
    assertEquals(
        "INVALID_ARGUMENT model: empty (expected: a name)",
        Rig.told(Rig.failure(() -> explain(asked -> asked.setModel("")))));
  }

  @Test
  void aDryRunAndTheLiveCallAgreeThatTheContractIsBrokenAndOnlyTheLiveOneCounts() throws Exception {
    DataContract contract =
        ContractFile.parse(
            "t",
            Map.of(
                "contract",
                "fraud/2",
                "features",
                Map.of(
                    "input",
                    "x",
                    "columns",
                    List.of(
                        Map.of("name", "a", "max", 10),
                        Map.of("name", "b", "max", 10, "action", "clamp"),
                        Map.of("name", "c"))),
                "answers",
                Map.of("outputs", List.of(Map.of("output", "p", "max", 1)))));
    rig.offer(1, 0, 0, route -> route.setContract(contract));
    ExplainRouteResponse told =
        explain(asked -> asked.setRequest(FakeBackend.request(Rig.MODEL, 11, 1, 1)));
    assertFalse(told.getForwarded());
    assertEquals(StepResult.STEP_REFUSES, step(told, "contract").getResult());
    assertEquals(
        Rig.told(
            Rig.failure(() -> rig.stub().modelInfer(FakeBackend.request(Rig.MODEL, 11, 1, 1)))),
        told.getCode() + " " + told.getMessage());

    ExplainRouteResponse clamped =
        explain(asked -> asked.setRequest(FakeBackend.request(Rig.MODEL, 1, 11, 1)));
    assertTrue(clamped.getForwarded());
    assertEquals(List.of("contract.clamped"), clamped.getFlagsList());
    assertEquals("flags the call: contract.clamped", step(clamped, "contract").getText());
    assertEquals(
        "an answer with NaN or an infinity in any floating-point output, or outside of what the"
            + " contract says of output 'p' would be refused",
        step(clamped, "guard").getText());
    assertEquals(
        "is kept",
        step(
                explain(asked -> asked.setRequest(FakeBackend.request(Rig.MODEL, 1, 1, 1))),
                "contract")
            .getText());
    assertEquals(0, rig.champion.calls());
  }
}
