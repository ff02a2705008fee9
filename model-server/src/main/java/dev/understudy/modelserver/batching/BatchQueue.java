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
 * <p>A request learns how long it has waited for company rather than for an instance. An instance
 * is free while its thread waits here; the queue adds up the time in which at least one is, and
 * what that sum has grown by while a request waited is the request's share. Where no rule makes a
 * batch wait, nobody has waited for company, and the share is 0.
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

  /** Instances that wait, the time with at least one before the present spell, and its start. */
  private int free;

  private long freeNanos;
  private long freeSinceNanos;

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
      buckets
          .computeIfAbsent(request.bucket(), key -> new Bucket<>())
          .waiters
          .add(new Waiter<>(request, freeNanos()));
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
      if (bucket == null || !bucket.remove(request)) {
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
        if (free++ == 0) {
          freeSinceNanos = nowNanos;
        }
        try {
          if (turn == null) {
            changed.await();
          } else {
            long leftNanos = changed.awaitNanos(turn.wakeNanos - nowNanos);
            assert leftNanos <= turn.wakeNanos - nowNanos;
          }
        } finally {
          if (--free == 0) {
            freeNanos += time.nanoTime() - freeSinceNanos;
          }
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
      buckets
          .values()
          .forEach(bucket -> bucket.waiters.forEach(waiter -> evicted.add(waiter.request)));
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
    List<Waiter<T>> head = turn.bucket.waiters.subList(0, turn.take);
    List<T> batch = new ArrayList<>(head.size());
    long soFar = freeNanos();
    for (Waiter<T> waiter : head) {
      waiter.request.taken(soFar - waiter.freeNanos);
      batch.add(waiter.request);
    }
    head.clear();
    left(turn.key, turn.bucket, batch.size());
    running++;
    if (size > 0) {
      changed.signal();
    }
    return batch;
  }

  /** How long some instance has been free in all, where batches wait for company; else 0. */
  private long freeNanos() {
    if (!rules.dynamic() || rules.maxDelayNanos() == 0) {
      return 0;
    }
    return free == 0 ? freeNanos : freeNanos + time.nanoTime() - freeSinceNanos;
  }

  private void left(Object key, Bucket<T> bucket, int count) {
    size -= count;
    if (bucket.waiters.isEmpty()) {
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

  /** A request, and for how long instances had been free when it came. */
  private record Waiter<T extends QueuedRequest>(T request, long freeNanos) {}

  private static final class Bucket<T extends QueuedRequest> implements BatchPolicy.Waiting {
    private final List<Waiter<T>> waiters = new ArrayList<>();

    boolean remove(T request) {
      for (int i = 0; i < waiters.size(); i++) {
        if (waiters.get(i).request.equals(request)) {
          waiters.remove(i);
          return true;
        }
      }
      return false;
    }

    @Override
    public int size() {
      return waiters.size();
    }

    @Override
    public int rows(int index) {
      return waiters.get(index).request.rows();
    }

    @Override
    public long enqueuedNanos(int index) {
      return waiters.get(index).request.enqueuedNanos();
    }

    @Override
    public long remainingNanos(int index, long nowNanos) {
      long deadlineNanos = waiters.get(index).request.deadlineNanos();
      return deadlineNanos == QueuedRequest.NO_DEADLINE ? Long.MAX_VALUE : deadlineNanos - nowNanos;
    }
  }
}
