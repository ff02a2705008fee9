package dev.understudy.collector;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.lifecycle.RunningService;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.chassis.time.TimeOrderedIds;
import dev.understudy.proto.v1.CollectorIntakeGrpc;
import dev.understudy.proto.v1.KnownOutcome;
import dev.understudy.proto.v1.LineageAck;
import dev.understudy.proto.v1.LineageBatch;
import dev.understudy.proto.v1.LineageRecord;
import dev.understudy.proto.v1.OutcomeServiceGrpc;
import dev.understudy.proto.v1.PayloadRecord;
import dev.understudy.proto.v1.ReportOutcomesRequest;
import dev.understudy.proto.v1.Role;
import io.grpc.stub.StreamObserver;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** Measures what the collector takes over loopback, everything in this process. */
final class IntakeRate {
  private static final int BATCHES = 1_000;
  private static final int RECORDS = 100;
  private static final int JOINS = 20_000;

  private IntakeRate() {}

  public static void main(String[] args) throws Exception {
    var folder = Files.createTempDirectory("intake-rate");
    try (FakeComparator comparator = new FakeComparator();
        RunningService collector =
            Collector.start(CollectorConfig.local(folder).withPeers(comparator.address(), null))) {
      Integer port = collector.ports().get("grpc");
      var channel =
          Channels.open(HostPort.loopback(port == null ? 0 : port), ChannelOptions.plaintext());
      var ids = TimeOrderedIds.system();
      for (int round = 0; round < 3; round++) {
        CountDownLatch acknowledged = new CountDownLatch(BATCHES);
        StreamObserver<LineageBatch> batches =
            CollectorIntakeGrpc.newStub(channel)
                .sendLineage(IntakeRate.<LineageAck>counting(acknowledged));
        long start = System.nanoTime();
        for (int i = 1; i <= BATCHES; i++) {
          var batch = LineageBatch.newBuilder().setBootId("b" + round).setSequence(i);
          for (int j = 0; j < RECORDS; j++) {
            batch.addRecords(
                LineageRecord.newBuilder()
                    .setPredictionId(ids.next())
                    .setModel("fraud")
                    .setAnsweredRole(Role.CHAMPION)
                    .setAssignedRole(Role.CHAMPION)
                    .setVersion("1")
                    .setLatencyNanos(1_000_000)
                    .setPrincipal("demo")
                    .setDigest("0".repeat(64)));
          }
          batches.onNext(batch.build());
        }
        acknowledged.await();
        say("records of calls stored", (long) BATCHES * RECORDS, start);
      }
      List<KnownOutcome> outcomes = new ArrayList<>();
      var payloads =
          CollectorIntakeGrpc.newStub(channel).sendPayloads(counting(new CountDownLatch(0)));
      for (int i = 0; i < JOINS; i++) {
        String id = ids.next();
        outcomes.add(KnownOutcome.newBuilder().setPredictionId(id).setValue(i % 2).build());
        for (Role role : List.of(Role.CHAMPION, Role.SHADOW)) {
          payloads.onNext(
              PayloadRecord.newBuilder()
                  .setPredictionId(id)
                  .setModel("fraud")
                  .setRolloutId("r")
                  .setRole(role)
                  .addScores(0.5)
                  .build());
        }
      }
      payloads.onCompleted();
      long start = System.nanoTime();
      for (int from = 0; from < JOINS; from += 1_000) {
        OutcomeServiceGrpc.newBlockingStub(channel)
            .reportOutcomes(
                ReportOutcomesRequest.newBuilder()
                    .addAllOutcomes(outcomes.subList(from, from + 1_000))
                    .build());
      }
      say("outcomes joined (payloads still being written at the start)", JOINS, start);
      say("labels delivered: " + comparator.await(JOINS).size(), JOINS, start);
      Channels.close(channel, Duration.ofSeconds(1));
    }
  }

  private static void say(String what, long count, long startNanos) {
    System.out.printf("%s: %,.0f/s%n", what, count * 1e9 / (System.nanoTime() - startNanos));
  }

  private static <T> StreamObserver<T> counting(CountDownLatch latch) {
    return new StreamObserver<>() {
      @Override
      public void onNext(T message) {
        latch.countDown();
      }

      @Override
      public void onError(Throwable failure) {
        throw new IllegalStateException(failure);
      }

      @Override
      public void onCompleted() {}
    };
  }
}
