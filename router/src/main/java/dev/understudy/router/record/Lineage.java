package dev.understudy.router.record;

import dev.understudy.chassis.rpc.StreamHandler;
import dev.understudy.chassis.rpc.StreamSender;
import dev.understudy.proto.v1.LineageAck;
import dev.understudy.proto.v1.LineageBatch;
import dev.understudy.proto.v1.LineageRecord;
import java.util.ArrayDeque;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * One small record of every call, kept until the collector has acknowledged it. A call reserves its
 * place before it is forwarded, so that a policy can make it wait or refuse it while that is still
 * possible; places become free when records are acknowledged. Bounded in records. Any thread.
 */
public final class Lineage implements StreamHandler<LineageBatch, LineageAck> {
  private static final int MAX_BATCH = 512;
  private static final int MAX_WAITING = 1024;

  private final String router;
  private final String bootId;
  private final boolean kept;
  private final int capacity;
  private final AtomicInteger reserved = new AtomicInteger();
  private final AtomicLong dropped = new AtomicLong();
  private final AtomicLong droppedReported = new AtomicLong();
  private final ConcurrentLinkedQueue<LineageRecord> fresh = new ConcurrentLinkedQueue<>();
  private final ConcurrentLinkedQueue<Runnable> waiting = new ConcurrentLinkedQueue<>();
  private final AtomicInteger waitingCount = new AtomicInteger();

  // Guarded by this.
  private final ArrayDeque<LineageBatch> unacknowledged = new ArrayDeque<>();
  private @Nullable StreamSender<LineageBatch> sender;
  private long sequence;
  private long sentUpTo;

  /**
   * Makes a ring.
   *
   * @param kept false without a collector: records go nowhere and always have room
   * @param capacity records not acknowledged
   */
  public Lineage(String router, String bootId, boolean kept, int capacity) {
    this.router = router;
    this.bootId = bootId;
    this.kept = kept;
    this.capacity = capacity;
  }

  /** Reserves a place; a success is followed by one {@link #record} or {@link #release}. */
  public boolean reserve() {
    if (!kept) {
      return true;
    }
    if (reserved.incrementAndGet() <= capacity) {
      return true;
    }
    reserved.decrementAndGet();
    return false;
  }

  /**
   * Waits for a place without a thread: the task runs with a place reserved.
   *
   * @return false when too many wait already
   */
  public boolean await(Runnable withPlace) {
    if (waitingCount.incrementAndGet() > MAX_WAITING) {
      waitingCount.decrementAndGet();
      return false;
    }
    waiting.add(withPlace);
    serveWaiting();
    return true;
  }

  /** Gives a reserved place back unused. */
  public void release() {
    if (kept) {
      reserved.decrementAndGet();
      serveWaiting();
    }
  }

  /** Fills a reserved place. */
  public void record(LineageRecord record) {
    if (kept) {
      fresh.add(record);
    }
  }

  /** Counts a call whose record found no room. */
  public void countDropped() {
    dropped.incrementAndGet();
  }

  /** Calls without a record. */
  public long dropped() {
    return dropped.get();
  }

  /** Places taken. */
  public int reserved() {
    return reserved.get();
  }

  /** Sends what has come since the last flush. */
  public synchronized void flush() {
    while (!fresh.isEmpty()) {
      LineageBatch.Builder batch =
          LineageBatch.newBuilder().setRouter(router).setBootId(bootId).setSequence(++sequence);
      for (int i = 0; i < MAX_BATCH; i++) {
        LineageRecord record = fresh.poll();
        if (record == null) {
          break;
        }
        batch.addRecords(record);
      }
      long lost = dropped.get();
      batch.setDropped(lost - droppedReported.getAndSet(lost));
      unacknowledged.addLast(batch.build());
    }
    send();
  }

  @Override
  public synchronized void onConnected(StreamSender<LineageBatch> connection) {
    sender = connection;
    sentUpTo = 0;
    send();
  }

  @Override
  public synchronized void onReady(StreamSender<LineageBatch> connection) {
    send();
  }

  @Override
  public void onMessage(LineageAck ack) {
    synchronized (this) {
      while (!unacknowledged.isEmpty()
          && ack.getBootId().equals(bootId)
          && unacknowledged.getFirst().getSequence() <= ack.getSequence()) {
        reserved.addAndGet(-unacknowledged.removeFirst().getRecordsCount());
      }
    }
    serveWaiting();
  }

  @Override
  public synchronized void onLost(String why) {
    sender = null;
  }

  private void send() {
    StreamSender<LineageBatch> connection = sender;
    if (connection == null) {
      return;
    }
    for (LineageBatch batch : unacknowledged) {
      if (batch.getSequence() <= sentUpTo) {
        continue;
      }
      if (!connection.isReady() || !connection.send(batch)) {
        return;
      }
      sentUpTo = batch.getSequence();
    }
  }

  private void serveWaiting() {
    while (!waiting.isEmpty() && reserve()) {
      Runnable next = waiting.poll();
      if (next == null) {
        reserved.decrementAndGet();
        return;
      }
      waitingCount.decrementAndGet();
      next.run();
    }
  }
}
