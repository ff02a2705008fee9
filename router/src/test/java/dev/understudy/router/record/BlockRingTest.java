package dev.understudy.router.record;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.understudy.chassis.rpc.StreamSender;
import dev.understudy.proto.v1.BlockAck;
import dev.understudy.proto.v1.EvidenceBlock;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BlockRingTest {
  private static final long NO_LIMIT = Long.MAX_VALUE;

  /** A receiver that takes so many blocks and then is not ready. */
  private static final class Receiver implements StreamSender<EvidenceBlock> {
    final List<Long> sequences = new ArrayList<>();
    int room = Integer.MAX_VALUE;

    @Override
    public boolean isReady() {
      return sequences.size() < room;
    }

    @Override
    public boolean send(EvidenceBlock block) {
      sequences.add(block.getSequence());
      return true;
    }

    @Override
    public void complete() {}
  }

  private static EvidenceBlock block(long sequence) {
    return EvidenceBlock.newBuilder()
        .setRouter("r")
        .setBootId("boot")
        .setSequence(sequence)
        .build();
  }

  private static BlockAck ack(String bootId, long sequence) {
    return BlockAck.newBuilder().setBootId(bootId).setSequence(sequence).build();
  }

  private static void add(BlockRing ring, long from, long to) {
    for (long sequence = from; sequence <= to; sequence++) {
      ring.add(block(sequence));
    }
  }

  @Test
  void overrunLosesTheOldestAndTheReceiverSeesTheGap() {
    BlockRing ring = new BlockRing(3, NO_LIMIT);
    Receiver before = new Receiver();
    ring.onConnected(before);
    add(ring, 1, 2);
    ring.onMessage(ack("boot", 1));
    ring.onLost("UNAVAILABLE");
    add(ring, 3, 7);
    assertEquals(3, ring.unacknowledged());
    assertEquals(3, ring.overrun(), "2, 3 and 4");

    Receiver after = new Receiver();
    ring.onConnected(after);
    assertEquals(List.of(1L, 2L), before.sequences);
    assertEquals(List.of(5L, 6L, 7L), after.sequences, "2 was sent and never acknowledged");
  }

  @Test
  void overrunBehindASlowReceiverIsAGapToo() {
    BlockRing ring = new BlockRing(2, NO_LIMIT);
    Receiver slow = new Receiver();
    slow.room = 1;
    ring.onConnected(slow);
    add(ring, 1, 5);
    assertEquals(List.of(1L), slow.sequences);
    slow.room = Integer.MAX_VALUE;
    ring.onReady(slow);
    assertEquals(List.of(1L, 4L, 5L), slow.sequences);
    assertEquals(3, ring.overrun(), "1 was sent, but nobody said that it is stored");
  }

  @Test
  void bytesBoundTheRingButTheNewestBlockAlwaysHasRoom() {
    int size = block(1).getSerializedSize();
    BlockRing ring = new BlockRing(100, 2L * size);
    add(ring, 1, 3);
    assertEquals(2, ring.unacknowledged());
    ring.add(block(4).toBuilder().setRouter("r".repeat(10 * size)).build());
    assertEquals(1, ring.unacknowledged());
    assertEquals(3, ring.overrun());
    ring.onMessage(ack("boot", 4));
    add(ring, 5, 6);
    assertEquals(2, ring.unacknowledged(), "what was acknowledged takes no room");
    assertEquals(3, ring.overrun());
  }

  @Test
  void whatIsNotAcknowledgedIsSentAgainFromTheFirst() {
    BlockRing ring = new BlockRing(10, NO_LIMIT);
    Receiver before = new Receiver();
    ring.onConnected(before);
    add(ring, 1, 4);
    ring.onMessage(ack("boot", 2));
    ring.onLost("UNAVAILABLE");
    Receiver after = new Receiver();
    ring.onConnected(after);
    assertEquals(List.of(1L, 2L, 3L, 4L), before.sequences);
    assertEquals(List.of(3L, 4L), after.sequences);
    assertEquals(0, ring.overrun());
  }

  @Test
  void acknowledgementOfAnotherBootFreesNothing() {
    BlockRing ring = new BlockRing(10, NO_LIMIT);
    add(ring, 1, 2);
    ring.onMessage(ack("earlier boot", 2));
    assertEquals(2, ring.unacknowledged());
  }
}
