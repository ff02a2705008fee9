package dev.understudy.router.record;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.understudy.chassis.rpc.StreamHandler;
import dev.understudy.chassis.rpc.StreamSender;
import dev.understudy.proto.v1.LineageAck;
import dev.understudy.proto.v1.LineageBatch;
import dev.understudy.proto.v1.LineageRecord;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.router.call.InferCall;
import java.io.IOException;
import java.io.UncheckedIOException;
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
public final class Lineage implements StreamHandler<Lineage.Batch, LineageAck> {
  private static final int SCRATCH_BYTES = 4096;
  private static final int MAX_WAITING = 1024;

  /**
   * A serialized {@code LineageBatch}, sent as it is.
   *
   * @param sequence its number
   * @param count its records
   */
  @SuppressWarnings("ArrayRecordComponent") // identity is all that is asked of a batch
  public record Batch(long sequence, int count, byte[] bytes) {}

  private final String bootId;
  private final byte[] head;
  private final boolean kept;
  private final int capacity;
  private final AtomicInteger reserved = new AtomicInteger();
  private final AtomicLong dropped = new AtomicLong();
  private final AtomicLong droppedReported = new AtomicLong();
  private final RecordLanes fresh = new RecordLanes(LineageBatch.RECORDS_FIELD_NUMBER);
  private final ThreadLocal<byte[]> scratch =
      ThreadLocal.withInitial(() -> new byte[SCRATCH_BYTES]);
  private final ConcurrentLinkedQueue<Runnable> waiting = new ConcurrentLinkedQueue<>();
  private final AtomicInteger waitingCount = new AtomicInteger();

  // Guarded by this.
  private final ArrayDeque<Batch> unacknowledged = new ArrayDeque<>();
  private @Nullable StreamSender<Batch> sender;
  private long sequence;
  private long sentUpTo;

  /**
   * Makes a ring.
   *
   * @param kept false without a collector: records go nowhere and always have room
   * @param capacity records not acknowledged
   */
  public Lineage(String router, String bootId, boolean kept, int capacity) {
    this.head = LineageBatch.newBuilder().setRouter(router).setBootId(bootId).build().toByteArray();
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

  /** Waits no longer; without effect on a task that runs or has run. */
  public void giveUp(Runnable withPlace) {
    if (waiting.remove(withPlace)) {
      waitingCount.decrementAndGet();
    }
  }

  /** Gives a reserved place back unused. */
  public void release() {
    if (kept) {
      reserved.decrementAndGet();
      serveWaiting();
    }
  }

  /**
   * Fills a reserved place.
   *
   * @param decided a serialized record with the fields that are the same for every call with this
   *     decision
   * @param statusCode what the caller got, as gRPC numbers it
   */
  public void record(
      byte[] decided, InferCall call, Outcome outcome, int statusCode, long latencyNanos) {
    if (!kept) {
      return;
    }
    byte[] own = scratch.get();
    String client = call.clientId();
    // Three bytes are the most that UTF-8 needs for a char, and what is not text needs less than
    // this.
    if (decided.length + 3 * (call.principal().name().length() + client.length()) > 3_000
        || !call.notes().flags().isEmpty()) {
      byte[] whole = written(decided, call, outcome, statusCode, latencyNanos);
      fresh.append(whole, whole.length);
      return;
    }
    System.arraycopy(decided, 0, own, 0, decided.length);
    CodedOutputStream out =
        CodedOutputStream.newInstance(own, decided.length, own.length - decided.length);
    try {
      write(out, call, outcome, statusCode, latencyNanos);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    fresh.append(own, own.length - out.spaceLeft());
  }

  private static void write(
      CodedOutputStream out, InferCall call, Outcome outcome, int statusCode, long latencyNanos)
      throws IOException {
    out.writeString(LineageRecord.PREDICTION_ID_FIELD_NUMBER, call.predictionId());
    out.writeInt64(LineageRecord.UNIX_MS_FIELD_NUMBER, call.arrivalUnixMs());
    out.writeString(LineageRecord.PRINCIPAL_FIELD_NUMBER, call.principal().name());
    if (!call.clientId().isEmpty()) {
      out.writeString(LineageRecord.CLIENT_REQUEST_ID_FIELD_NUMBER, call.clientId());
    }
    out.writeEnum(LineageRecord.OUTCOME_FIELD_NUMBER, outcome.getNumber());
    if (statusCode != 0) {
      out.writeUInt32(LineageRecord.STATUS_CODE_FIELD_NUMBER, statusCode);
    }
    out.writeUInt64(LineageRecord.LATENCY_NANOS_FIELD_NUMBER, latencyNanos);
  }

  private static byte[] written(
      byte[] decided, InferCall call, Outcome outcome, int statusCode, long latencyNanos) {
    try {
      return LineageRecord.newBuilder()
          .mergeFrom(decided)
          .setPredictionId(call.predictionId())
          .setUnixMs(call.arrivalUnixMs())
          .setPrincipal(call.principal().name())
          .setClientRequestId(call.clientId())
          .setOutcome(outcome)
          .setStatusCode(statusCode)
          .setLatencyNanos(latencyNanos)
          .addAllFlags(call.notes().flags())
          .setReviewRequired(call.notes().reviewRequired())
          .build()
          .toByteArray();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("no lineage record", e);
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
    for (RecordLanes.Chunk chunk = fresh.take(); chunk != null; chunk = fresh.take()) {
      unacknowledged.addLast(batch(chunk));
    }
    send();
  }

  private Batch batch(RecordLanes.Chunk chunk) {
    long lost = dropped.get();
    long number = ++sequence;
    // In protobuf the concatenation of messages is their merge: a head, the records, and a tail.
    byte[] tail =
        LineageBatch.newBuilder()
            .setSequence(number)
            .setDropped(lost - droppedReported.getAndSet(lost))
            .build()
            .toByteArray();
    byte[] bytes = new byte[head.length + chunk.size() + tail.length];
    System.arraycopy(head, 0, bytes, 0, head.length);
    chunk.copyTo(bytes, head.length);
    System.arraycopy(tail, 0, bytes, bytes.length - tail.length, tail.length);
    return new Batch(number, chunk.count(), bytes);
  }

  @Override
  public synchronized void onConnected(StreamSender<Batch> connection) {
    sender = connection;
    sentUpTo = 0;
    send();
  }

  @Override
  public synchronized void onReady(StreamSender<Batch> connection) {
    send();
  }

  @Override
  public void onMessage(LineageAck ack) {
    synchronized (this) {
      while (!unacknowledged.isEmpty()
          && ack.getBootId().equals(bootId)
          && unacknowledged.getFirst().sequence() <= ack.getSequence()) {
        reserved.addAndGet(-unacknowledged.removeFirst().count());
      }
    }
    serveWaiting();
  }

  @Override
  public synchronized void onLost(String why) {
    sender = null;
  }

  private void send() {
    StreamSender<Batch> connection = sender;
    if (connection == null) {
      return;
    }
    for (Batch batch : unacknowledged) {
      if (batch.sequence() <= sentUpTo) {
        continue;
      }
      if (!connection.isReady() || !connection.send(batch)) {
        return;
      }
      sentUpTo = batch.sequence();
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
