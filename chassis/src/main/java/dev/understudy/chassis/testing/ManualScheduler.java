package dev.understudy.chassis.testing;

import dev.understudy.chassis.time.Cancellable;
import dev.understudy.chassis.time.Scheduler;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A scheduler whose tasks run when its {@link ManualTime} advances past them, on the thread that
 * advances it. Tasks may be scheduled and cancelled by any thread.
 */
public final class ManualScheduler implements Scheduler {
  private record Entry(
      long dueNanos, long order, String name, Runnable task, @Nullable Duration period, Token token)
      implements Comparable<Entry> {
    private static final Comparator<Entry> BY_TIME =
        Comparator.comparingLong(Entry::dueNanos).thenComparingLong(Entry::order);

    @Override
    public int compareTo(Entry other) {
      return BY_TIME.compare(this, other);
    }
  }

  private static final class Token implements Cancellable {
    private volatile boolean cancelled;

    @Override
    public void cancel() {
      cancelled = true;
    }
  }

  private final ManualTime time;
  private final PriorityQueue<Entry> queue = new PriorityQueue<>();
  private final List<RuntimeException> thrown = new ArrayList<>();
  private final AtomicLong failures = new AtomicLong();
  private long order;
  private boolean closed;

  private ManualScheduler(ManualTime time) {
    this.time = time;
  }

  /** A scheduler on the given clock. */
  public static ManualScheduler on(ManualTime time) {
    var scheduler = new ManualScheduler(time);
    time.attach(scheduler);
    return scheduler;
  }

  @Override
  public Cancellable every(Duration period, String name, Runnable task) {
    if (period.isZero() || period.isNegative()) {
      throw new IllegalArgumentException("period: " + period + " (expected: > 0)");
    }
    return add(period, name, task, period);
  }

  @Override
  public Cancellable after(Duration delay, String name, Runnable task) {
    return add(delay, name, task, null);
  }

  @Override
  public long failures() {
    return failures.get();
  }

  /** What tasks have thrown, oldest first. */
  public synchronized List<RuntimeException> thrown() {
    return List.copyOf(thrown);
  }

  /** The names of the tasks that wait, soonest first. */
  public synchronized List<String> pending() {
    return queue.stream().filter(e -> !e.token.cancelled).sorted().map(Entry::name).toList();
  }

  @Override
  public synchronized void close() {
    closed = true;
    queue.clear();
  }

  private synchronized Cancellable add(
      Duration delay, String name, Runnable task, @Nullable Duration period) {
    var token = new Token();
    if (!closed) {
      queue.add(new Entry(time.nanoTime() + delay.toNanos(), order++, name, task, period, token));
    }
    return token;
  }

  synchronized long nextDueNanos() {
    while (true) {
      Entry head = queue.peek();
      if (head == null) {
        return Long.MAX_VALUE;
      }
      if (!head.token.cancelled) {
        return head.dueNanos;
      }
      queue.remove();
    }
  }

  void runOneDue() {
    Entry entry;
    synchronized (this) {
      entry = queue.poll();
    }
    if (entry == null || entry.token.cancelled) {
      return;
    }
    try {
      entry.task.run();
    } catch (RuntimeException e) {
      failures.incrementAndGet();
      synchronized (this) {
        thrown.add(e);
      }
    }
    Duration period = entry.period;
    if (period != null) {
      synchronized (this) {
        if (!closed && !entry.token.cancelled) {
          queue.add(
              new Entry(
                  time.nanoTime() + period.toNanos(),
                  order++,
                  entry.name,
                  entry.task,
                  period,
                  entry.token));
        }
      }
    }
  }
}
