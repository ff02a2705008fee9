package dev.understudy.router.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.rpc.StreamSender;
import dev.understudy.proto.v1.LineageAck;
import dev.understudy.proto.v1.LineageBatch;
import dev.understudy.proto.v1.LineageRecord;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LineageTest {
  private static final class Sender implements StreamSender<LineageBatch> {
    final List<LineageBatch> sent = new ArrayList<>();
    boolean ready = true;

    @Override
    public boolean isReady() {
      return ready;
    }

    @Override
    public boolean send(LineageBatch batch) {
      sent.add(batch);
      return true;
    }

    @Override
    public void complete() {}
  }

  private static LineageRecord record(int i) {
    return LineageRecord.newBuilder().setPredictionId("" + i).build();
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
    lineage.record(record(1));
    lineage.record(record(2));
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
    lineage.record(record(1));
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
      lineage.record(record(i));
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
      lineage.record(record(i));
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
      lineage.record(record(i));
    }
    assertEquals(0, lineage.reserved());
  }
}
