package dev.understudy.comparator.testing;

import dev.understudy.proto.v1.BlockAck;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.EvidenceIntakeGrpc;
import dev.understudy.proto.v1.PairCell;
import io.grpc.Channel;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A router as the comparator sees it: numbers its blocks, keeps them until they are acknowledged,
 * the newest {@value #RING} at most as a real one does, and sends again what was not when it is
 * connected anew. Safe for use by any thread.
 */
public final class FakeRouter {
  /** Blocks that are kept: fifteen minutes. */
  public static final int RING = 900;

  private final String router;
  private final String bootId;
  private final TreeMap<Long, EvidenceBlock> ring = new TreeMap<>();
  private @Nullable StreamObserver<EvidenceBlock> stream;
  private @Nullable Throwable failure;
  private int connects;
  private long next = 1;
  private long acknowledged;

  /** One start of a router. */
  public FakeRouter(String router, String bootId) {
    this.router = router;
    this.bootId = bootId;
  }

  /** Opens a stream and sends everything again that was not acknowledged. */
  public synchronized void connect(Channel channel) {
    failure = null;
    connects++;
    int connection = connects;
    StreamObserver<EvidenceBlock> opened =
        EvidenceIntakeGrpc.newStub(channel)
            .sendBlocks(
                new StreamObserver<>() {
                  @Override
                  public void onNext(BlockAck ack) {
                    acknowledge(ack);
                  }

                  @Override
                  public void onError(Throwable t) {
                    lost(connection, t);
                  }

                  @Override
                  public void onCompleted() {
                    lost(connection, null);
                  }
                });
    stream = opened;
    ring.values().forEach(opened::onNext);
  }

  /** Counts a second: the block is kept, and sent when there is a stream. */
  public EvidenceBlock second(long second, List<Cell> cells, List<PairCell> pairs) {
    return second(
        EvidenceBlock.newBuilder().setSecond(second).addAllCells(cells).addAllPairs(pairs));
  }

  /** As {@link #second(long, List, List)}, of a block that lacks its identity only. */
  public synchronized EvidenceBlock second(EvidenceBlock.Builder counts) {
    EvidenceBlock block = counts.setRouter(router).setBootId(bootId).setSequence(next++).build();
    ring.put(block.getSequence(), block);
    if (ring.size() > RING) {
      ring.pollFirstEntry();
    }
    send(block);
    return block;
  }

  /** Sends any block, whatever its number, if there is a stream. */
  public synchronized void send(EvidenceBlock block) {
    if (stream != null) {
      stream.onNext(block);
    }
  }

  /** Forgets the oldest blocks, as a ring that overruns. */
  public synchronized void overrun(int blocks) {
    for (int i = 0; i < blocks && !ring.isEmpty(); i++) {
      ring.pollFirstEntry();
    }
  }

  /** Says that no more blocks come on this stream. */
  public synchronized void complete() {
    if (stream != null) {
      stream.onCompleted();
    }
  }

  /** Sequence up to which everything is safe. */
  public synchronized long acknowledged() {
    return acknowledged;
  }

  /** Why the stream ended; null while it is open, or when it ended well. */
  public synchronized @Nullable Throwable failure() {
    return failure;
  }

  /** Whether there is a stream. */
  public synchronized boolean connected() {
    return stream != null;
  }

  /** Numbers of the blocks that are not acknowledged. */
  public synchronized Map<Long, EvidenceBlock> unacknowledged() {
    return Map.copyOf(ring);
  }

  /**
   * Waits until everything up to a sequence is acknowledged.
   *
   * @return whether it was, in time
   */
  public synchronized boolean awaitAcknowledged(long sequence, Duration atMost)
      throws InterruptedException {
    long deadline = System.nanoTime() + atMost.toNanos();
    while (acknowledged < sequence) {
      long left = (deadline - System.nanoTime()) / 1_000_000;
      if (left <= 0) {
        return false;
      }
      wait(left);
    }
    return true;
  }

  /**
   * Waits until the stream has ended.
   *
   * @return whether it has, in time
   */
  public synchronized boolean awaitDisconnected(Duration atMost) throws InterruptedException {
    long deadline = System.nanoTime() + atMost.toNanos();
    while (stream != null) {
      long left = (deadline - System.nanoTime()) / 1_000_000;
      if (left <= 0) {
        return false;
      }
      wait(left);
    }
    return true;
  }

  private synchronized void acknowledge(BlockAck ack) {
    if (ack.getBootId().equals(bootId)) {
      acknowledged = Math.max(acknowledged, ack.getSequence());
      ring.headMap(ack.getSequence(), true).clear();
      notifyAll();
    }
  }

  private synchronized void lost(int connection, @Nullable Throwable cause) {
    if (connection == connects) {
      stream = null;
      failure = cause;
      notifyAll();
    }
  }
}
