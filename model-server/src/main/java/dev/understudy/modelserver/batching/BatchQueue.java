package dev.understudy.modelserver.batching;

import dev.understudy.chassis.time.TimeSource;
import dev.understudy.modelserver.batching.BatchDecision.Take;
import dev.understudy.modelserver.batching.BatchDecision.WaitUntil;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The bounded queue of one model version, from which its instances take batches.
 *
 * <p>One lock guards everything; it is held for moving references only. Requests lie in buckets by
 * shape, each in order of arrival. A free instance asks {@link BatchPolicy} about every bucket and
 * takes from the one whose turn has come and whose head is oldest; if none is due it sleeps until
 * the earliest turn or the next arrival. So a batch is sealed only in the moment in which an
 * instance takes it.
 *
 * <p>Safe for use by any thread.
 */
public final class BatchQueue<T extends QueuedRequest> {
  /** Kept free before a deadline for waking up and answering, beside the run itself. */
  private static final long MIN_RESERVE_NANOS = 2_000_000;

  private final BatchRules rules;
  private final int capacity;
  private final TimeSource time;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Condition drained = lock.newCondition();
  private final Map<Object, Bucket<T>> buckets = new LinkedHashMap<>();
  private int size;
  private int running;
  private boolean stopped;
  private long expectedRunNanos;

  /**
   * Makes an empty queue.
   *
   * @param capacity requests that may wait, 1 or more
   */
  public BatchQueue(BatchRules rules, int capacity, TimeSource time) {
    if (capacity < 1) {
      throw new IllegalArgumentException("capacity: " + capacity + " (expected: >= 1)");
    }
    this.rules = rules;
    this.capacity = capacity;
    this.time = time;
  }

  /** How an offer ended. */
  public enum Offer {
    /** It waits now, and will be taken unless it is removed. */
    ACCEPTED,
    /** As many requests wait as may. */
    FULL,
    /** The queue takes no more requests. */
    STOPPED
  }

  /** Adds a request, without ever waiting. */
  public Offer offer(T request) {
    lock.lock();
    try {
      if (stopped) {
        return Offer.STOPPED;
      }
      if (size >= capacity) {
        return Offer.FULL;
      }
      buckets.computeIfAbsent(request.bucket(), key -> new Bucket<>()).requests.add(request);
      size++;
      changed.signal();
      return Offer.ACCEPTED;
    } finally {
      lock.unlock();
    }
  }

  /** Takes a request out again. False when it is not, or no longer, waiting. */
  public boolean remove(T request) {
    lock.lock();
    try {
      Bucket<T> bucket = buckets.get(request.bucket());
      if (bucket == null || !bucket.requests.remove(request)) {
        return false;
      }
      left(request.bucket(), bucket, 1);
      return true;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for the next batch. Each batch must be followed by {@link #finished}.
   *
   * @return at least one request, or null when the queue has stopped and is empty
   */
  public @Nullable List<T> take() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (true) {
        long nowNanos = time.nanoTime();
        Turn<T> turn = nextTurn(nowNanos);
        if (turn != null && turn.take > 0) {
          return seal(turn);
        }
        if (stopped && size == 0) {
          return null;
        }
        if (turn == null) {
          changed.await();
        } else {
          long leftNanos = changed.awaitNanos(turn.wakeNanos - nowNanos);
          assert leftNanos <= turn.wakeNanos - nowNanos;
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** Reports that a taken batch has been answered, and how long its run took. */
  public void finished(long runNanos) {
    lock.lock();
    try {
      running--;
      expectedRunNanos += (runNanos - expectedRunNanos) / 8;
      if (size == 0 && running == 0) {
        drained.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Takes no more requests; those that wait are still served. */
  public void stop() {
    lock.lock();
    try {
      stopped = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Empties the queue and returns what waited. */
  public List<T> evict() {
    lock.lock();
    try {
      List<T> evicted = new ArrayList<>(size);
      buckets.values().forEach(bucket -> evicted.addAll(bucket.requests));
      buckets.clear();
      size = 0;
      changed.signalAll();
      if (running == 0) {
        drained.signalAll();
      }
      return evicted;
    } finally {
      lock.unlock();
    }
  }

  /** Waits until nothing waits or runs. False when the time is over before. */
  public boolean awaitIdle(long timeoutNanos) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long leftNanos = timeoutNanos;
      while (size > 0 || running > 0) {
        if (leftNanos <= 0) {
          return false;
        }
        leftNanos = drained.awaitNanos(leftNanos);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** How many requests wait. */
  public int size() {
    lock.lock();
    try {
      return size;
    } finally {
      lock.unlock();
    }
  }

  private @Nullable Turn<T> nextTurn(long nowNanos) {
    Turn<T> next = null;
    long reserveNanos = MIN_RESERVE_NANOS + 2 * expectedRunNanos;
    for (Map.Entry<Object, Bucket<T>> entry : buckets.entrySet()) {
      Bucket<T> bucket = entry.getValue();
      // When nobody can come any more there is nothing to wait for.
      Turn<T> turn =
          switch (BatchPolicy.decide(rules, bucket, nowNanos, reserveNanos)) {
            case Take(int requests) -> new Turn<>(entry.getKey(), bucket, requests, nowNanos);
            case WaitUntil(long nanos) ->
                new Turn<>(entry.getKey(), bucket, stopped ? bucket.size() : 0, nanos);
          };
      if (next == null || turn.before(next)) {
        next = turn;
      }
    }
    return next;
  }

  private List<T> seal(Turn<T> turn) {
    List<T> head = turn.bucket.requests.subList(0, turn.take);
    List<T> batch = new ArrayList<>(head);
    head.clear();
    left(turn.key, turn.bucket, batch.size());
    running++;
    if (size > 0) {
      changed.signal();
    }
    return batch;
  }

  private void left(Object key, Bucket<T> bucket, int count) {
    size -= count;
    if (bucket.requests.isEmpty()) {
      buckets.remove(key);
    }
    if (size == 0 && running == 0) {
      drained.signalAll();
    }
  }

  /** What one bucket may do: take now, or wake at a time. */
  private record Turn<T extends QueuedRequest>(
      Object key, Bucket<T> bucket, int take, long wakeNanos) {
    boolean before(Turn<T> other) {
      if (take > 0 != other.take > 0) {
        return take > 0;
      }
      return take > 0
          ? bucket.enqueuedNanos(0) - other.bucket.enqueuedNanos(0) < 0
          : wakeNanos - other.wakeNanos < 0;
    }
  }

  private static final class Bucket<T extends QueuedRequest> implements BatchPolicy.Waiting {
    private final List<T> requests = new ArrayList<>();

    @Override
    public int size() {
      return requests.size();
    }

    @Override
    public int rows(int index) {
      return requests.get(index).rows();
    }

    @Override
    public long enqueuedNanos(int index) {
      return requests.get(index).enqueuedNanos();
    }

    @Override
    public long remainingNanos(int index, long nowNanos) {
      long deadlineNanos = requests.get(index).deadlineNanos();
      return deadlineNanos == QueuedRequest.NO_DEADLINE ? Long.MAX_VALUE : deadlineNanos - nowNanos;
    }
  }
}
