package dev.understudy.loadtest;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Sends {@code ModelInfer} calls at their scheduled times, however slowly answers come.
 *
 * <p>A closed loop waits for an answer before it sends again: while the server stalls it sends
 * nothing, and the stall is recorded once instead of once for every caller that would have waited
 * ("coordinated omission"). Here the schedule is fixed beforehand, each latency counts from the
 * scheduled time, and a call that is sent late because this process was late carries that delay
 * too. Outstanding calls are bounded; a call that finds no room is counted as not sent, never
 * skipped in silence.
 *
 * <p>For programs that need the answers themselves, over a gRPC channel that they have; {@link
 * LoadTest} measures with less. One thread sends; answers arrive on transport threads. An instance
 * drives one channel, for one run after another.
 */
public final class OpenLoop {

  /** {@code ModelInfer} with messages as bytes. */
  public static final MethodDescriptor<byte[], byte[]> MODEL_INFER =
      MethodDescriptor.<byte[], byte[]>newBuilder()
          .setType(MethodDescriptor.MethodType.UNARY)
          .setFullMethodName("inference.GRPCInferenceService/ModelInfer")
          .setRequestMarshaller(BytesMarshaller.INSTANCE)
          .setResponseMarshaller(BytesMarshaller.INSTANCE)
          .build();

  private static final long SPIN_NANOS = 60_000;

  private final Channel channel;
  private final RequestSource source;
  private final Duration timeout;
  private final int maxOutstanding;
  private final Metadata headers;
  private final AtomicLong sent = new AtomicLong();

  /**
   * A driver of one channel.
   *
   * @param timeout deadline of each call, from its scheduled time
   * @param maxOutstanding bound on calls without an answer, at least 1
   * @param headers metadata sent with every call
   */
  public OpenLoop(
      Channel channel,
      RequestSource source,
      Duration timeout,
      int maxOutstanding,
      Metadata headers) {
    if (maxOutstanding < 1) {
      throw new IllegalArgumentException("maxOutstanding: " + maxOutstanding + " (expected: >= 1)");
    }
    this.channel = channel;
    this.source = source;
    this.timeout = timeout;
    this.maxOutstanding = maxOutstanding;
    this.headers = headers;
  }

  /** Calls sent so far, over all runs. */
  public long sent() {
    return sent.get();
  }

  /**
   * Sends until {@code length} has passed, then waits for the last answers.
   *
   * @param progress hears the nanoseconds passed, about ten times a second, on the sending thread
   * @throws InterruptedException if the thread is interrupted; calls on the way are then abandoned
   */
  public Tally run(Schedule arrivals, Duration length, CallListener listener, LongConsumer progress)
      throws InterruptedException {
    Recording recording = new Recording(listener, maxOutstanding);
    long start = System.nanoTime();
    long end = length.toNanos();
    long nextProgress = 0;
    long due = arrivals.next();
    while (due < end) {
      waitUntil(start + due);
      long now = System.nanoTime() - start;
      if (now >= nextProgress) {
        progress.accept(now);
        nextProgress = now + 100_000_000;
      }
      if (recording.outstanding.tryAcquire()) {
        send(recording, start + due);
      } else {
        recording.notSent();
      }
      if (Thread.interrupted()) {
        throw new InterruptedException("load run interrupted");
      }
      due = arrivals.next();
    }
    waitUntil(start + end);
    recording.outstanding.tryAcquire(
        maxOutstanding, timeout.toMillis() + 1_000, TimeUnit.MILLISECONDS);
    return recording.finish(end);
  }

  private void send(Recording recording, long scheduledNanos) {
    long n = sent.getAndIncrement();
    long left = timeout.toNanos() - (System.nanoTime() - scheduledNanos);
    ClientCall<byte[], byte[]> call =
        channel.newCall(
            MODEL_INFER,
            CallOptions.DEFAULT.withDeadlineAfter(Math.max(left, 1), TimeUnit.NANOSECONDS));
    Metadata own = new Metadata();
    own.merge(headers);
    call.start(recording.listener(n, scheduledNanos), own);
    call.request(1);
    call.sendMessage(source.request(n));
    call.halfClose();
  }

  /** Parks while far from the time, then spins: parking alone is late by tens of microseconds. */
  private static void waitUntil(long nanoTime) {
    long left = nanoTime - System.nanoTime();
    while (left > SPIN_NANOS) {
      LockSupport.parkNanos(left - SPIN_NANOS);
      if (Thread.currentThread().isInterrupted()) {
        return;
      }
      left = nanoTime - System.nanoTime();
    }
    while (System.nanoTime() - nanoTime < 0) {
      Thread.onSpinWait();
    }
  }

  /** Collects answers of one run from several transport threads. */
  private static final class Recording {
    final Semaphore outstanding;
    private final CallListener listener;
    private final Tally tally = new Tally();
    private boolean finished;

    Recording(CallListener listener, int maxOutstanding) {
      this.listener = listener;
      this.outstanding = new Semaphore(maxOutstanding);
    }

    synchronized void notSent() {
      tally.countNotSent();
    }

    synchronized Tally finish(long nanos) {
      finished = true;
      tally.lasted(nanos);
      return tally;
    }

    private synchronized void record(Status.Code code, long latencyNanos) {
      if (!finished) {
        tally.record(code, latencyNanos);
      }
    }

    ClientCall.Listener<byte[]> listener(long n, long scheduledNanos) {
      return new ClientCall.Listener<>() {
        private byte @Nullable [] message;
        private @Nullable Metadata received;

        @Override
        public void onHeaders(Metadata metadata) {
          received = metadata;
        }

        @Override
        public void onMessage(byte[] response) {
          message = response;
        }

        @Override
        public void onClose(Status status, Metadata trailers) {
          long latency = System.nanoTime() - scheduledNanos;
          record(status.getCode(), latency);
          outstanding.release();
          listener.ended(n, status, message, received == null ? trailers : received, latency);
        }
      };
    }
  }
}
