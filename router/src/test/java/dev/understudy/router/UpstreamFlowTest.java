package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.testing.ManualScheduler;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.proto.inference.InferParameter;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.Hedging;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.Status;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What happens to calls when backends are many, slow, gone, or somebody else's. */
class UpstreamFlowTest {
  private static final Status DOWN = Status.UNAVAILABLE.withDescription("down");

  /** A route whose champion is at these addresses, with a rollout of which nothing is split. */
  private static ModelRoute.Builder champions(Rig rig, String... addresses) {
    ModelRoute.Builder route = rig.route(0, 0).toBuilder();
    return route.setArms(
        0, route.getArms(0).toBuilder().clearEndpoints().addAllEndpoints(List.of(addresses)));
  }

  private static Hedging.Builder hedgeAfter(long millis) {
    return Hedging.newBuilder().setDelayMs(millis).setBudgetBp(10_000);
  }

  @Test
  void aHedgeAnswersAndTheFirstAttemptIsStillTheEvidence() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(
          1,
          champions(rig, rig.champion.address(), rig.canary.address())
              .setTryTimeoutMs(400)
              .setHedging(hedgeAfter(20))
              .build());
      rig.champion.behave(FakeBackend.hanging());
      assertEquals(Map.of("version 1", 20), rig.inferMany(20, request -> request));
      Rig.eventually("each call is counted once", () -> rig.ended(Role.CHAMPION) == 20);
      assertEquals(20, rig.assigned(Role.CHAMPION));
      // Not called off: it is what a rival without hedges would be compared with.
      long late = rig.outcomes(Role.CHAMPION, Outcome.BAD_TRY_TIMEOUT);
      assertTrue(late > 0 && late <= rig.champion.calls(), late + " of " + rig.champion.calls());
      assertEquals(20 - late, rig.outcomes(Role.CHAMPION, Outcome.OK));
      Rig.eventually("lineage has come", () -> rig.lineage().size() == 20);
    }
  }

  @Test
  void withoutADelayTheTailOfRecentAnswersIsTheMoment() throws Exception {
    ManualTime time = new ManualTime();
    try (Rig rig = Rig.watching(time, ManualScheduler.on(time), "")) {
      rig.offer(
          1,
          champions(rig, rig.champion.address(), rig.canary.address())
              .setHedging(hedgeAfter(0))
              .build());
      assertEquals(Map.of("version 1", 40), rig.inferMany(40, request -> request));
      assertEquals(40, rig.champion.calls() + rig.canary.calls(), "nothing was known yet");
      time.advance(Duration.ofSeconds(1));
      rig.champion.behave(FakeBackend.hanging());
      rig.canary.behave(FakeBackend.hanging());
      CompletableFuture<ModelInferResponse> answer = CompletableFuture.supplyAsync(rig::infer);
      // Both are asked, the second as soon as the clock has moved at all.
      Rig.eventually(
          "a hedge is sent",
          () -> {
            time.advance(Duration.ofMillis(1));
            return rig.champion.calls() + rig.canary.calls() == 42;
          });
      assertFalse(answer.isDone());
      rig.champion.kill();
      rig.canary.kill();
      assertTrue(answer.handle((ok, failure) -> failure != null).get(20, TimeUnit.SECONDS));
    }
  }

  @Test
  void aLoserThatIsNoEvidenceIsCalledOff() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(
          1,
          champions(rig, rig.champion.address(), rig.canary.address())
              .clearRolloutId()
              .setHedging(hedgeAfter(20))
              .setSignature(rig.route(0, 0).getSignature())
              .build());
      rig.champion.behave(FakeBackend.hanging());
      // A version that is pinned is not judged.
      assertEquals(
          Map.of("version 1", 20),
          rig.inferMany(20, request -> request.toBuilder().setModelVersion("1").build()));
      int hedged = rig.champion.calls();
      assertTrue(hedged > 0, "no call was slow");
      Rig.eventually("the losers are called off", () -> rig.champion.cancelled() == hedged);
    }
  }

  @Test
  void aHedgeThatLosesIsCalledOffAndItsFailureIsNobodys() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(
          1,
          champions(rig, rig.champion.address(), rig.canary.address())
              .setHedging(hedgeAfter(5))
              .build());
      rig.champion.behave(rig.champion.delayed(40, FakeBackend.ok(0.25f)));
      rig.canary.behave(FakeBackend.failing(Status.INTERNAL.withDescription("no")));
      rig.inferMany(10, request -> request);
      Rig.eventually("each call is counted once", () -> rig.ended(Role.CHAMPION) == 10);
      assertEquals(10, rig.assigned(Role.CHAMPION));
      long good = rig.outcomes(Role.CHAMPION, Outcome.OK);
      long bad = rig.outcomes(Role.CHAMPION, Outcome.BAD_INTERNAL);
      assertTrue(good > 0 && good + bad == 10, good + " good and " + bad + " bad");
    }
  }

  @Test
  void withoutBudgetOrASecondBackendThereIsNoHedge() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(
          1,
          champions(rig, rig.champion.address(), rig.canary.address())
              .setTryTimeoutMs(100)
              .setHedging(hedgeAfter(10).setBudgetBp(1))
              .build());
      rig.champion.behave(FakeBackend.hanging());
      rig.canary.behave(FakeBackend.hanging());
      rig.inferMany(5, request -> request);
      int first = total(rig.champion, rig.canary);
      assertTrue(first <= 5, first + " attempts for 5 calls");
      rig.offer(
          2, rig.route(0, 0).toBuilder().setTryTimeoutMs(100).setHedging(hedgeAfter(10)).build());
      rig.inferMany(2, request -> request);
      int second = total(rig.champion, rig.canary) - first;
      assertTrue(second <= 2, second + " attempts for 2 calls");
    }
  }

  @Test
  void copiesAreMadeOfTheFirstAttemptAlone() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(
          1,
          champions(rig, rig.champion.address(), rig.canary.address())
              .setMirror(rig.route(0, 10_000).getMirror())
              .setTryTimeoutMs(300)
              .setHedging(hedgeAfter(10))
              .build());
      rig.champion.behave(FakeBackend.hanging());
      rig.inferMany(12, request -> request);
      Rig.eventually("all pairs are there", () -> pairs(rig) == 12);
      assertEquals(12, rig.shadow.calls());
      long late = rig.pairs().getOnlyChampionBad();
      assertTrue(late > 0 && late <= rig.champion.calls(), late + " of " + rig.champion.calls());
    }
  }

  private static long pairs(Rig rig) {
    return rig.pairs().getBothOk() + rig.pairs().getOnlyChampionBad();
  }

  @Test
  void retriesOfBackendsInTroubleAreAShareOfTheCalls() throws Exception {
    try (Rig rig =
        Rig.watching(
            "upstream: {retries: {share: 10%, burst: 10, perSecond: 0}, outliers: {failures: 0},"
                + " breaker: {minimumCalls: 10000, window: 10000}}\n")) {
      rig.offer(1, champions(rig, rig.champion.address(), rig.canary.address()).build());
      rig.champion.behave(FakeBackend.failing(DOWN));
      rig.canary.behave(FakeBackend.failing(DOWN));
      assertEquals(Map.of("UNAVAILABLE", 200), rig.inferMany(200, request -> request));
      int attempts = rig.champion.calls() + rig.canary.calls();
      assertTrue(attempts > 205 && attempts <= 220, attempts + " attempts for 200 calls");
    }
  }

  private static ModelInferRequest inSequence(long id) {
    return Rig.request().toBuilder()
        .putParameters("sequence_id", InferParameter.newBuilder().setInt64Param(id).build())
        .build();
  }

  @Test
  void sequencesStayAtTheirBackendAndAreNeverRepeated() throws Exception {
    try (Rig rig = Rig.watching("")) {
      FakeBackend[] all = {rig.champion, rig.canary, rig.shadow};
      rig.offer(
          1,
          champions(rig, all[0].address(), all[1].address(), all[2].address())
              .setHedging(hedgeAfter(1))
              .build());
      for (int round = 0; round < 5; round++) {
        for (int id = 1; id <= 20; id++) {
          assertEquals("1", rig.stub().modelInfer(inSequence(id)).getModelVersion());
        }
      }
      Set<Long> seen = new HashSet<>();
      for (FakeBackend backend : all) {
        Set<Long> here = new HashSet<>();
        for (ModelInferRequest request : backend.requests()) {
          here.add(request.getParametersOrThrow("sequence_id").getInt64Param());
        }
        assertEquals(backend.calls(), 5 * here.size(), "all of each sequence or none");
        assertTrue(seen.addAll(here) || here.isEmpty(), "in two places");
      }
      assertEquals(20, seen.size());
      FakeBackend owner = all[0];
      for (FakeBackend backend : all) {
        owner = backend.calls() > owner.calls() ? backend : owner;
      }
      long id = owner.requests().getFirst().getParametersOrThrow("sequence_id").getInt64Param();
      owner.behave(FakeBackend.failing(DOWN));
      int before = total(all);
      assertEquals(
          "UNAVAILABLE down", Rig.told(Rig.failure(() -> rig.stub().modelInfer(inSequence(id)))));
      assertEquals(before + 1, total(all));
    }
  }

  private static int total(FakeBackend... backends) {
    int calls = 0;
    for (FakeBackend backend : backends) {
      calls += backend.calls();
    }
    return calls;
  }

  private static RoutingTable passing(Rig rig) {
    return RoutingTable.newBuilder()
        .setEpoch(1)
        .setRevision(1)
        .addModels(rig.route(0, 0))
        .setPassThrough(
            dev.understudy.proto.v1.PassThrough.newBuilder().addEndpoints(rig.canary.address()))
        .build();
  }

  @Test
  void modelsThatAreNotListedPassThroughAsTheyAre() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(passing(rig));
      ModelInferRequest request =
          FakeBackend.request("other", 1, 2, 3, 4, 5, 6).toBuilder()
              .setModelVersion("seven")
              .setId("mine")
              .build();
      ModelInferResponse answer = rig.stub().modelInfer(request);
      assertEquals(FakeBackend.response(request, 0.75f), answer, "not a byte of it is changed");
      assertEquals(List.of(request), rig.canary.requests());
      assertEquals(
          "other",
          rig.stub()
              .modelMetadata(ModelMetadataRequest.newBuilder().setName("other").build())
              .getName());
      assertEquals("1", rig.infer().getModelVersion());
      assertEquals(1, rig.champion.calls());
      rig.canary.behave(FakeBackend.ok(Float.NaN));
      assertFalse(rig.stub().modelInfer(request).getRawOutputContentsList().isEmpty());
      Rig.eventually("lineage has come", () -> rig.lineage().size() == 3);
      assertEquals(
          List.of(""),
          rig.lineage().stream()
              .filter(record -> record.getModel().equals("other"))
              .map(record -> record.getVersion() + record.getRolloutId())
              .distinct()
              .toList());
      Rig.eventually("the listed one is judged", () -> rig.ended(Role.CHAMPION) == 1);
    }
  }

  @Test
  void questionsAboutWhatCannotBeANameDoNotPass() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(passing(rig));
      for (String name : List.of("", "x".repeat(257))) {
        assertEquals(
            Status.Code.NOT_FOUND,
            Rig.failure(() ->
                    rig.stub()
                        .modelMetadata(ModelMetadataRequest.newBuilder().setName(name).build()))
                .getStatus()
                .getCode());
      }
      assertEquals(
          "INVALID_ARGUMENT the request is too long (expected: at most 4096 bytes)",
          Rig.told(
              Rig.failure(() ->
                  rig.stub()
                      .modelMetadata(
                          ModelMetadataRequest.newBuilder().setName("x".repeat(5_000)).build()))));
    }
  }

  @Test
  void whatCannotPassIsRefused() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(passing(rig));
      assertEquals(
          "INVALID_ARGUMENT the model's name has 257 characters (expected: 1 to 256)",
          Rig.told(
              Rig.failure(
                  () -> rig.stub().modelInfer(FakeBackend.request("m".repeat(257), 1, 2, 3)))));
      assertEquals(
          "INVALID_ARGUMENT the model's name has 0 characters (expected: 1 to 256)",
          Rig.told(Rig.failure(() -> rig.stub().modelInfer(FakeBackend.request("", 1, 2, 3)))));
      rig.canary.behave(FakeBackend.failing(Status.NOT_FOUND.withDescription("none of mine")));
      assertEquals(
          "NOT_FOUND none of mine",
          Rig.told(Rig.failure(() -> rig.stub().modelInfer(FakeBackend.request("x", 1, 2, 3)))));
      assertEquals(1, rig.canary.calls());
    }
  }

  @Test
  void aServerWithOtherNamesIsSpokenToInItsOwn() throws Exception {
    try (Rig rig = Rig.watching("")) {
      Arm champion = rig.route(0, 0).getArms(0);
      for (String version : List.of("-", "20260101")) {
        rig.offer(
            version.equals("-") ? 1 : 2,
            rig.route(0, 0).toBuilder()
                .setArms(
                    0,
                    champion.toBuilder()
                        .setUpstreamModel("FraudDetector")
                        .setUpstreamVersion(version))
                .build());
        ModelInferResponse answer = rig.infer();
        assertEquals("fraud", answer.getModelName());
        assertEquals("1", answer.getModelVersion());
        ModelInferRequest asked = rig.champion.requests().getLast();
        assertEquals("FraudDetector", asked.getModelName());
        assertEquals(version.equals("-") ? "" : version, asked.getModelVersion());
        assertEquals(
            List.of("1"),
            rig.stub()
                .modelMetadata(ModelMetadataRequest.newBuilder().setName("fraud").build())
                .getVersionsList());
      }
    }
  }

  @Test
  void anUnknownProfileRefusesTheTable() throws Exception {
    try (Rig rig = Rig.watching("upstreams: {triton: {authority: triton.local}}\n")) {
      ModelRoute.Builder route = rig.route(0, 0).toBuilder();
      route.setArms(0, route.getArms(0).toBuilder().setProfile("trtion"));
      RoutingTable.Builder table =
          RoutingTable.newBuilder().setEpoch(1).setRevision(1).addModels(route);
      assertEquals(
          "model 'fraud' arm 'champion' has profile 'trtion' (expected: one of [, triton], as in"
              + " upstreams: of router.yaml)",
          rig.router.offer(table.build()));
      route.setArms(0, route.getArms(0).toBuilder().setProfile("triton"));
      rig.offer(1, route.build());
      assertEquals("1", rig.infer().getModelVersion());
      assertEquals(Set.of("triton.local"), rig.champion.authorities());
    }
  }

  @Test
  void theRouterAnswersBeforeTheClientsTimeIsUp() throws Exception {
    try (Rig rig = Rig.watching("upstream: {reserve: 300ms}\n")) {
      rig.offer(1, 0, 0, route -> route);
      rig.infer();
      rig.champion.behave(FakeBackend.hanging());
      assertEquals(
          "DEADLINE_EXCEEDED the deadline passed before an answer came",
          Rig.told(
              Rig.failure(() ->
                  rig.stub().withDeadlineAfter(3, TimeUnit.SECONDS).modelInfer(Rig.request()))));
      Rig.eventually(
          "it is the champion's failure",
          () -> rig.outcomes(Role.CHAMPION, Outcome.BAD_DEADLINE_EXCEEDED) == 1);
    }
  }

  @Test
  void aChampionWithoutRoomRescuesNobody() throws Exception {
    try (Rig rig = Rig.watching("upstream: {headroom: {factor: 1, calls: 0}}\n")) {
      rig.offer(1, 10_000, 0, route -> route);
      rig.canary.behave(FakeBackend.failing(Status.INTERNAL.withDescription("boom")));
      assertEquals("INTERNAL boom", Rig.told(Rig.failure(rig::infer)));
      assertEquals(0, rig.champion.calls());
    }
  }

  @Test
  void whoSaysThatItIsNotReadyIsAvoidedUntilItIs() throws Exception {
    try (Rig rig =
        Rig.watching(
            "upstream: {health: {check: server, interval: 20ms, unhealthy: 2, healthy: 2}}\n")) {
      rig.offer(1, champions(rig, rig.champion.address(), rig.canary.address()).build());
      rig.champion.ready(false);
      Rig.eventually(
          "it is avoided",
          () -> {
            int before = rig.champion.calls();
            rig.inferMany(10, request -> request);
            return rig.champion.calls() == before;
          });
      rig.canary.ready(false);
      // Where nobody is well everybody is asked: failures must not be hidden.
      Rig.eventually(
          "both are asked",
          () -> {
            int before = rig.champion.calls();
            rig.inferMany(10, request -> request);
            return rig.champion.calls() > before;
          });
      rig.champion.ready(true);
      rig.canary.ready(true);
      Rig.eventually(
          "both are asked again", () -> rig.inferMany(1, request -> request).size() == 1);
    }
  }

  /** Takes connections and treats each as it was told, without a word of HTTP/2. */
  private static final class RawServer implements AutoCloseable {
    private final ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final List<Socket> taken = new CopyOnWriteArrayList<>();

    RawServer(boolean resets, boolean halfCloses) throws IOException {
      var _ =
          Thread.ofVirtual()
              .start(() -> {
                try {
                  while (true) {
                    Socket socket = server.accept();
                    taken.add(socket);
                    if (resets) {
                      socket.setSoLinger(true, 0);
                      socket.close();
                    } else if (halfCloses) {
                      socket.shutdownOutput();
                    }
                  }
                } catch (IOException closed) {
                  // The test is over.
                }
              });
    }

    String address() {
      return "127.0.0.1:" + server.getLocalPort();
    }

    @Override
    public void close() throws IOException {
      server.close();
      for (Socket socket : taken) {
        socket.close();
      }
    }
  }

  @Test
  void aBackendThatResetsOrHalfClosesCostsNoCall() throws Exception {
    try (RawServer resetting = new RawServer(true, false);
        RawServer closing = new RawServer(false, true);
        Rig rig = Rig.watching("")) {
      // A good backend whose first answers are slow looks like a bad one; here it has answered
      // before.
      rig.offer(1, champions(rig, rig.champion.address()).build());
      assertEquals(Map.of("version 1", 50), rig.inferMany(50, request -> request));
      rig.offer(
          2,
          champions(rig, resetting.address(), closing.address(), rig.champion.address()).build());
      Map<String, Integer> results = rig.inferMany(100, request -> request);
      // A retry may meet the other bad one; after that both are known.
      assertTrue(results.getOrDefault("version 1", 0) >= 97, results.toString());
    }
  }

  @Test
  void aFrozenBackendCostsAFewCallsAndIsThenAvoided() throws Exception {
    try (RawServer frozen = new RawServer(false, false);
        Rig rig = Rig.watching("")) {
      rig.offer(
          1, champions(rig, frozen.address(), rig.champion.address()).setTryTimeoutMs(100).build());
      Map<String, Integer> results = rig.inferMany(100, request -> request);
      assertTrue(results.getOrDefault("version 1", 0) >= 95, results.toString());
    }
  }

  @Test
  void withoutARolloutOrCopiesALoserIsCalledOffToo() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(
          1,
          champions(rig, rig.champion.address(), rig.canary.address())
              .clearRolloutId()
              .setHedging(hedgeAfter(20))
              .build());
      rig.champion.behave(FakeBackend.hanging());
      assertEquals(Map.of("version 1", 20), rig.inferMany(20, request -> request));
      int hedged = rig.champion.calls();
      assertTrue(hedged > 0, "no call was slow");
      Rig.eventually("the losers are called off", () -> rig.champion.cancelled() == hedged);
    }
  }
}
