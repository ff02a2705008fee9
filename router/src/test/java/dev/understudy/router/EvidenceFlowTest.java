package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.testing.ManualScheduler;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.LineageRecord;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.Role;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.ServerCallStreamObserver;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class EvidenceFlowTest {
  @Test
  void everyRequestIsCountedOnceWhileTheWeightChangesUnderLoad() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 1000, 0, route -> route);
      int threads = 4;
      int each = 500;
      Thread[] clients = new Thread[threads];
      for (int t = 0; t < threads; t++) {
        clients[t] = Thread.ofVirtual().start(() -> rig.inferMany(each, request -> request));
      }
      for (int revision = 2; revision <= 6; revision++) {
        int bp = 1000 * revision;
        int decision = revision;
        rig.offer(revision, bp, 0, route -> route.setDecisionRevision(decision));
        long until = (long) revision * 300;
        Rig.eventually("load goes on", () -> rig.champion.calls() + rig.canary.calls() >= until);
      }
      for (Thread client : clients) {
        client.join();
      }
      int calls = threads * each;
      Rig.eventually(
          "all are counted", () -> rig.ended(Role.CHAMPION) + rig.ended(Role.CANARY) == calls);
      assertEquals(calls, rig.assigned(Role.CHAMPION) + rig.assigned(Role.CANARY));
      // What an arm was assigned is what its backend has seen: nothing else was sent anywhere.
      assertEquals(rig.champion.calls(), rig.assigned(Role.CHAMPION));
      assertEquals(rig.canary.calls(), rig.assigned(Role.CANARY));
      long measured =
          rig.blocks().stream()
              .flatMap(block -> block.getCellsList().stream())
              .flatMap(cell -> cell.getLatency().getCountList().stream())
              .mapToLong(Long::longValue)
              .sum();
      assertEquals(calls, measured);
      Set<Long> revisions =
          rig.cells(Role.CANARY).map(Cell::getDecisionRevision).collect(Collectors.toSet());
      assertTrue(revisions.size() >= 3, revisions.toString());
      rig.cells(Role.CANARY)
          .forEach(
              cell -> assertEquals(1000 * cell.getDecisionRevision(), cell.getCanaryWeightBp()));
      Rig.eventually("every call has its lineage", () -> rig.lineage().size() == calls);
      Set<String> ids =
          rig.lineage().stream().map(LineageRecord::getPredictionId).collect(Collectors.toSet());
      assertEquals(calls, ids.size());
    }
  }

  @Test
  void blocksAreSentAgainUntilTheyAreAcknowledged() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 5000, 0, route -> route);
      rig.receivers.acknowledge(false);
      rig.inferMany(50, request -> request);
      Rig.eventually("blocks have come", () -> rig.ended(Role.CHAMPION) > 0);
      rig.receivers.kill();
      rig.inferMany(50, request -> request);
      rig.receivers.acknowledge(true);
      rig.receivers.revive();
      Rig.eventually(
          "all are counted", () -> rig.ended(Role.CHAMPION) + rig.ended(Role.CANARY) == 100);
      Rig.eventually(
          "nothing waits", () -> rig.router.state().getEvidenceBlocksUnacknowledged() == 0);
      List<EvidenceBlock> blocks = rig.blocks();
      for (int i = 0; i < blocks.size(); i++) {
        assertEquals(i + 1L, blocks.get(i).getSequence(), "no gap");
      }
      assertEquals(1, blocks.stream().map(EvidenceBlock::getBootId).distinct().count(), "one boot");
      assertTrue(rig.receivers.blocks().size() > blocks.size(), "some were sent twice");
      Rig.eventually("lineage is whole", () -> rig.lineage().size() == 100);
    }
  }

  @Test
  void aClientsCancellationIsCensoredAndItsDeadlineIsNot() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 0, 0, route -> route);
      rig.champion.behave(FakeBackend.hanging());
      var future =
          GRPCInferenceServiceGrpc.newFutureStub(rig.channel)
              .withDeadlineAfter(10, TimeUnit.SECONDS)
              .modelInfer(Rig.request());
      Rig.eventually("the call has arrived", () -> rig.champion.calls() == 1);
      assertTrue(future.cancel(true));
      Rig.eventually(
          "it is censored", () -> rig.outcomes(Role.CHAMPION, Outcome.CANCELLED_BY_CLIENT) == 1);
      assertEquals(
          Status.Code.DEADLINE_EXCEEDED,
          Rig.failure(() ->
                  rig.stub()
                      .withDeadlineAfter(500, TimeUnit.MILLISECONDS)
                      .modelInfer(Rig.request()))
              .getStatus()
              .getCode());
      Rig.eventually(
          "it is bad", () -> rig.outcomes(Role.CHAMPION, Outcome.BAD_DEADLINE_EXCEEDED) == 1);
    }
  }

  @Test
  void aCancellationLaterThanTheRivalsLimitIsATryTimeoutAndAnEarlierOneIsCensored()
      throws Exception {
    ManualTime time = new ManualTime();
    try (Rig rig = Rig.watching(time, ManualScheduler.on(time), "")) {
      // By key, with the smallest share, so that this customer is the champion's for certain.
      rig.offer(
          1,
          1,
          0,
          route ->
              route
                  .setUnit(RandomisationUnit.KEY)
                  .setKeyMetadata("x-customer")
                  .setTryTimeoutMs(3_600_000));
      CountDownLatch cancelled = new CountDownLatch(2);
      rig.champion.behave((request, answer) ->
          ((ServerCallStreamObserver<ModelInferResponse>) answer)
              .setOnCancelHandler(cancelled::countDown));
      Metadata customer = new Metadata();
      customer.put(Metadata.Key.of("x-customer", Metadata.ASCII_STRING_MARSHALLER), "c1");
      // A rival would get 500 s of these 1000 s.
      var client =
          GRPCInferenceServiceGrpc.newFutureStub(rig.channel)
              .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(customer))
              .withDeadlineAfter(1000, TimeUnit.SECONDS);
      var late = client.modelInfer(Rig.request());
      Rig.eventually("the call has arrived", () -> rig.champion.calls() == 1);
      time.advance(Duration.ofMinutes(10));
      var early = client.modelInfer(Rig.request());
      Rig.eventually("the other has arrived", () -> rig.champion.calls() == 2);
      assertTrue(late.cancel(true));
      assertTrue(early.cancel(true));
      assertTrue(cancelled.await(20, TimeUnit.SECONDS));
      Rig.eventually(
          "one of them is bad",
          () -> {
            time.advance(Duration.ofMillis(100));
            return rig.outcomes(Role.CHAMPION, Outcome.BAD_TRY_TIMEOUT) == 1
                && rig.outcomes(Role.CHAMPION, Outcome.CANCELLED_BY_CLIENT) == 1;
          });
    }
  }

  @Test
  void pinnedVersionsSequencesAndStrangersToTheKeyAreServedButNotJudged() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(
          1, 5000, 0, route -> route.setUnit(RandomisationUnit.KEY).setKeyMetadata("x-customer"));
      assertEquals(
          "2",
          rig.stub()
              .modelInfer(Rig.request().toBuilder().setModelVersion("2").build())
              .getModelVersion());
      assertEquals("1", rig.infer().getModelVersion());
      Rig.eventually(
          "both are counted as left out",
          () ->
              rig.cells(Role.CHAMPION).mapToLong(Cell::getLeftOut).sum() == 1
                  && rig.cells(Role.CANARY).mapToLong(Cell::getLeftOut).sum() == 1);
      assertEquals(0, rig.assigned(Role.CHAMPION) + rig.assigned(Role.CANARY));
    }
  }

  @Test
  void keysStayTogetherAndAreReportedOnceWhenFirstSeen() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(
          1, 5000, 0, route -> route.setUnit(RandomisationUnit.KEY).setKeyMetadata("x-customer"));
      for (int customer = 0; customer < 20; customer++) {
        Set<String> versions = new HashSet<>();
        for (int i = 0; i < 5; i++) {
          versions.add(
              rig.stub("x-customer", "c" + customer).modelInfer(Rig.request()).getModelVersion());
        }
        assertEquals(1, versions.size(), "customer " + customer);
      }
      Rig.eventually(
          "all are counted", () -> rig.ended(Role.CHAMPION) + rig.ended(Role.CANARY) == 100);
      long keys =
          rig.blocks().stream()
              .flatMap(block -> block.getCellsList().stream())
              .mapToLong(Cell::getFirstSeenKeysCount)
              .sum();
      assertEquals(20, keys);
    }
  }

  @Test
  void aReturningCustomerIsFirstSeenByTheSplit() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(
          1, 0, 0, route -> route.setUnit(RandomisationUnit.KEY).setKeyMetadata("x-customer"));
      rig.stub("x-customer", "anna").modelInfer(Rig.request());
      rig.offer(
          2, 5000, 0, route -> route.setUnit(RandomisationUnit.KEY).setKeyMetadata("x-customer"));
      rig.stub("x-customer", "anna").modelInfer(Rig.request());
      Rig.eventually(
          "both are counted", () -> rig.ended(Role.CHAMPION) + rig.ended(Role.CANARY) == 2);
      List<Integer> weights =
          rig.blocks().stream()
              .flatMap(block -> block.getCellsList().stream())
              .filter(cell -> cell.getFirstSeenKeysCount() > 0)
              .map(Cell::getCanaryWeightBp)
              .toList();
      assertEquals(List.of(5000), weights);
    }
  }
}
