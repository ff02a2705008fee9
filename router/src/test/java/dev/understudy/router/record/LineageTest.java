package dev.understudy.router.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.understudy.chassis.rpc.StreamSender;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.v1.LineageAck;
import dev.understudy.proto.v1.LineageBatch;
import dev.understudy.proto.v1.LineageRecord;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.call.Notes;
import dev.understudy.router.call.Principal;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LineageTest {
  private static final class Sender implements StreamSender<Lineage.Batch> {
    final List<LineageBatch> sent = new ArrayList<>();
    boolean ready = true;

    @Override
    public boolean isReady() {
      return ready;
    }

    @Override
    public boolean send(Lineage.Batch batch) {
      try {
        LineageBatch read = LineageBatch.parseFrom(batch.bytes());
        assertEquals(batch.sequence(), read.getSequence());
        assertEquals(batch.count(), read.getRecordsCount());
        sent.add(read);
      } catch (InvalidProtocolBufferException e) {
        throw new AssertionError(e);
      }
      return true;
    }

    @Override
    public void complete() {}
  }

  private static final byte[] DECIDED =
      LineageRecord.newBuilder().setModel("fraud").setRolloutId("r-1").build().toByteArray();

  private static InferCall call(int i) {
    return call(i, "", new Notes());
  }

  private static InferCall call(int i, String clientId, Notes notes) {
    byte[] body = ModelInferRequest.newBuilder().setModelName("fraud").build().toByteArray();
    return new InferCall(
        "" + i,
        Principal.ANONYMOUS,
        name -> null,
        InferRequestView.parse(ByteBuffer.wrap(body)),
        body,
        "fraud",
        "",
        clientId,
        1,
        2,
        1_700_000_000_000L,
        Long.MAX_VALUE,
        Criticality.DEFAULT,
        notes);
  }

  private static void record(Lineage lineage, int i) {
    lineage.record(DECIDED, call(i), Outcome.OK, 0, 5);
  }

  private static LineageAck ack(long sequence) {
    return LineageAck.newBuilder().setBootId("boot").setSequence(sequence).build();
  }

  @Test
  void placesBecomeFreeOnlyWhenRecordsAreAcknowledged() {
    Lineage lineage = new Lineage("r", "boot", true, 2);
    Sender sender = new Sender();
    lineage.onConnected(sender);
    assertTrue(lineage.reserve());
    assertTrue(lineage.reserve());
    assertFalse(lineage.reserve());
    record(lineage, 1);
    record(lineage, 2);
    lineage.flush();
    assertFalse(lineage.reserve());
    lineage.onMessage(ack(1));
    assertTrue(lineage.reserve());
  }

  @Test
  void whoWaitsGetsThePlaceThatBecomesFree() {
    Lineage lineage = new Lineage("r", "boot", true, 1);
    lineage.onConnected(new Sender());
    List<String> ran = new ArrayList<>();
    assertTrue(lineage.reserve());
    assertTrue(lineage.await(() -> ran.add("first")));
    assertTrue(lineage.await(() -> ran.add("second")));
    assertEquals(List.of(), ran);
    record(lineage, 1);
    lineage.flush();
    lineage.onMessage(ack(1));
    assertEquals(List.of("first"), ran);
    lineage.release();
    assertEquals(List.of("first", "second"), ran);
    assertEquals(1, lineage.reserved());
  }

  @Test
  void whatWasNotAcknowledgedIsSentAgainInOrder() {
    Lineage lineage = new Lineage("r", "boot", true, 100);
    Sender before = new Sender();
    lineage.onConnected(before);
    for (int i = 1; i <= 3; i++) {
      assertTrue(lineage.reserve());
      record(lineage, i);
      lineage.flush();
    }
    lineage.onMessage(ack(1));
    lineage.onLost("UNAVAILABLE");
    Sender after = new Sender();
    lineage.onConnected(after);
    assertEquals(List.of(2L, 3L), after.sent.stream().map(LineageBatch::getSequence).toList());
    assertEquals(before.sent.subList(1, 3), after.sent);
  }

  @Test
  void lostRecordsAreReportedOnce() {
    Lineage lineage = new Lineage("r", "boot", true, 100);
    Sender sender = new Sender();
    lineage.onConnected(sender);
    lineage.countDropped();
    lineage.countDropped();
    for (int i = 0; i < 2; i++) {
      assertTrue(lineage.reserve());
      record(lineage, i);
      lineage.flush();
    }
    assertEquals(2, sender.sent.get(0).getDropped());
    assertEquals(0, sender.sent.get(1).getDropped());
  }

  @Test
  void withoutACollectorThereIsAlwaysRoomAndNothingIsKept() {
    Lineage lineage = new Lineage("r", "boot", false, 1);
    for (int i = 0; i < 10; i++) {
      assertTrue(lineage.reserve());
      record(lineage, i);
    }
    assertEquals(0, lineage.reserved());
  }

  @Test
  void aRecordSaysWhatTheGeneratedCodeWouldSay() {
    Lineage lineage = new Lineage("r", "boot", true, 100);
    Sender sender = new Sender();
    lineage.onConnected(sender);
    Notes flagged = new Notes();
    flagged.review("guard.low-confidence");
    lineage.record(DECIDED, call(1, "mine", new Notes()), Outcome.BAD_UNAVAILABLE, 14, 77);
    lineage.record(DECIDED, call(2, "\u00e4".repeat(5_000), new Notes()), Outcome.OK, 0, 78);
    lineage.record(DECIDED, call(3, "", flagged), Outcome.OK, 0, 79);
    lineage.flush();
    List<LineageRecord> got =
        sender.sent.stream().flatMap(batch -> batch.getRecordsList().stream()).toList();
    LineageRecord.Builder expected =
        LineageRecord.newBuilder()
            .setModel("fraud")
            .setRolloutId("r-1")
            .setPrincipal("anonymous")
            .setUnixMs(1_700_000_000_000L);
    assertEquals(
        List.of(
            expected
                .clone()
                .setPredictionId("1")
                .setClientRequestId("mine")
                .setOutcome(Outcome.BAD_UNAVAILABLE)
                .setStatusCode(14)
                .setLatencyNanos(77)
                .build(),
            expected
                .clone()
                .setPredictionId("2")
                .setClientRequestId("\u00e4".repeat(5_000))
                .setOutcome(Outcome.OK)
                .setLatencyNanos(78)
                .build(),
            expected
                .clone()
                .setPredictionId("3")
                .setOutcome(Outcome.OK)
                .setLatencyNanos(79)
                .addFlags("guard.low-confidence")
                .setReviewRequired(true)
                .build()),
        got);
  }

  @Test
  void noRecordIsLostOrDoubledWhileManyThreadsRecordAndOneFlushes() throws Exception {
    int threads = 4;
    int each = 5_000;
    Lineage lineage = new Lineage("r", "boot", true, threads * each);
    Sender sender = new Sender();
    lineage.onConnected(sender);
    List<Thread> writers = new ArrayList<>();
    for (int t = 0; t < threads; t++) {
      int first = t * each;
      writers.add(
          Thread.ofPlatform()
              .start(() -> {
                for (int i = first; i < first + each; i++) {
                  record(lineage, i);
                }
              }));
    }
    for (Thread writer : writers) {
      while (writer.isAlive()) {
        lineage.flush();
      }
      writer.join();
    }
    lineage.flush();
    List<Integer> ids =
        sender.sent.stream()
            .flatMap(batch -> batch.getRecordsList().stream())
            .map(record -> Integer.parseInt(record.getPredictionId()))
            .sorted()
            .toList();
    assertEquals(IntStream.range(0, threads * each).boxed().toList(), ids);
  }

  @Test
  void whoGivesUpHoldsNoPlaceInTheQueueAndDoesNotRun() {
    Lineage lineage = new Lineage("r", "boot", true, 1);
    List<String> ran = new ArrayList<>();
    assertTrue(lineage.reserve());
    Runnable gone = () -> ran.add("gone");
    for (int i = 0; i < 2_000; i++) {
      assertTrue(lineage.await(gone), "too many wait");
      lineage.giveUp(gone);
    }
    assertTrue(lineage.await(() -> ran.add("next")));
    lineage.giveUp(gone);
    lineage.release();
    assertEquals(List.of("next"), ran);
    assertEquals(1, lineage.reserved());
  }
}
