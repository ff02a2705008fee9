package dev.understudy.collector.predictions;

import dev.understudy.chassis.time.TimeSource;
import java.io.IOException;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The one thread that changes what is stored. Work that waits together is committed together, so
 * that the cost of a commit is shared when it matters and nobody waits for company when it does
 * not. If a group cannot be committed, its works are tried one by one, so that only the one that is
 * at fault, or all of them when the disk is full, fail.
 *
 * <p>Waiting work is bounded in bytes. {@link #offer} gives up at the bound, {@link #put} waits,
 * which holds back the stream it came from.
 */
public final class WriteThread implements AutoCloseable {
  private static final Logger log = Logger.getLogger(WriteThread.class.getName());
  private static final int GROUP = 512;
  private static final long TICK_MILLIS = 50;
  private static final int SWEEP_STEPS = 8;

  /** A change. All methods are called by the write thread. */
  public interface Work {
    /** Changes the store and nothing else; may be called again after a rollback. */
    void apply() throws SQLException, IOException;

    /** The change is stored. */
    default void committed() {}

    /** The change was undone. */
    default void failed(Exception cause) {}
  }

  /** Takes part in every transaction. All methods are called by the write thread. */
  public interface Participant {
    /**
     * Changes the store as time goes on. Called about twenty times a second, and again while it
     * returns true, a few times in a row.
     *
     * @return false when nothing was changed
     */
    boolean tick(long nowMs) throws SQLException, IOException;

    /** What was changed since the last call of this or {@link #rolledBack} is stored. */
    default void committed() {}

    /** What was changed is undone. */
    default void rolledBack() {}

    /** Called between transactions, after each group and each tick; may read. */
    default void between() throws SQLException {}
  }

  private record Queued(Work work, int bytes) {}

  private final Database database;
  private final PredictionStore store;
  private final TimeSource time;
  private final long maxBytes;
  private final List<Participant> participants = new ArrayList<>();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition arrived = lock.newCondition();
  private final Condition room = lock.newCondition();
  private final ArrayDeque<Queued> queue = new ArrayDeque<>();
  private final AtomicLong failures = new AtomicLong();
  private final Thread thread;
  private long queuedBytes;
  private boolean closing;

  /**
   * A thread that has not been started. It owns the database and the store and closes them.
   *
   * @param maxBytes of work that waits
   */
  public WriteThread(Database database, PredictionStore store, TimeSource time, long maxBytes) {
    this.database = database;
    this.store = store;
    this.time = time;
    this.maxBytes = maxBytes;
    this.thread = Thread.ofPlatform().name("collector-write").daemon(true).unstarted(this::run);
    participants.add(store::sweep);
  }

  /** Lets something take part; before the start. */
  public void join(Participant participant) {
    participants.add(participant);
  }

  /** Starts the thread. */
  public void start() {
    thread.start();
  }

  /** Queues work unless the bound is reached; says whether it was taken. */
  public boolean offer(Work work, int bytes) {
    lock.lock();
    try {
      if (closing || (queuedBytes > 0 && queuedBytes + bytes > maxBytes)) {
        return false;
      }
      enqueue(work, bytes);
      return true;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Queues work, waiting for room.
   *
   * @return false if the thread is being closed
   */
  public boolean put(Work work, int bytes) throws InterruptedException {
    lock.lock();
    try {
      while (!closing && queuedBytes > 0 && queuedBytes + bytes > maxBytes) {
        room.await();
      }
      if (closing) {
        return false;
      }
      enqueue(work, bytes);
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Bytes of work that waits. */
  public long queuedBytes() {
    lock.lock();
    try {
      return queuedBytes;
    } finally {
      lock.unlock();
    }
  }

  /** Works and ticks that could not be committed. */
  public long failures() {
    return failures.get();
  }

  /** Writes what waits, then ends the thread and closes the files. */
  @Override
  public void close() {
    lock.lock();
    try {
      closing = true;
      arrived.signalAll();
      room.signalAll();
    } finally {
      lock.unlock();
    }
    if (thread.getState() == Thread.State.NEW) {
      closeFiles();
      return;
    }
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void enqueue(Work work, int bytes) {
    queue.add(new Queued(work, bytes));
    queuedBytes += bytes;
    arrived.signal();
  }

  private void run() {
    try {
      long nextTick = 0;
      while (true) {
        List<Queued> group = take();
        if (group == null) {
          break;
        }
        if (!group.isEmpty()) {
          write(group.stream().map(Queued::work).toList());
        }
        long now = System.nanoTime() / 1_000_000;
        if (group.isEmpty() || now >= nextTick) {
          tick();
          nextTick = now + TICK_MILLIS;
        }
        between();
      }
    } catch (RuntimeException | Error e) {
      log.log(Level.SEVERE, "The collector stores nothing any more", e);
      throw e;
    } finally {
      closeFiles();
    }
  }

  /** The next group, empty after a while without work, null at the end. */
  private @Nullable List<Queued> take() {
    lock.lock();
    try {
      long nanos = TimeUnit.MILLISECONDS.toNanos(TICK_MILLIS);
      while (queue.isEmpty() && !closing && nanos > 0) {
        nanos = arrived.awaitNanos(nanos);
      }
      if (queue.isEmpty()) {
        return closing ? null : List.of();
      }
      List<Queued> group = new ArrayList<>();
      while (group.size() < GROUP && !queue.isEmpty()) {
        Queued next = queue.remove();
        queuedBytes -= next.bytes;
        group.add(next);
      }
      room.signalAll();
      return group;
    } catch (InterruptedException e) {
      return List.of();
    } finally {
      lock.unlock();
    }
  }

  private void write(List<Work> works) {
    try {
      for (Work work : works) {
        work.apply();
      }
      commit();
    } catch (SQLException | IOException | RuntimeException e) {
      undo(e);
      if (works.size() == 1) {
        failures.incrementAndGet();
        log.log(Level.WARNING, "Cannot store: {0}", e.getMessage());
        works.getFirst().failed(e);
      } else {
        works.forEach(work -> write(List.of(work)));
      }
      return;
    }
    works.forEach(WriteThread::told);
  }

  private static void told(Work work) {
    try {
      work.committed();
    } catch (RuntimeException e) {
      log.log(Level.WARNING, "What was stored could not be reported", e);
    }
  }

  private void tick() {
    long nowMs = time.wallMillis();
    try {
      store.roll(nowMs);
    } catch (SQLException | IOException e) {
      failed(e);
      return;
    }
    for (Participant participant : participants) {
      try {
        int steps = 0;
        while (steps++ < SWEEP_STEPS && participant.tick(nowMs)) {
          commit();
        }
        // A tick without effect has still opened a transaction by reading.
        database.rollback();
      } catch (SQLException | IOException | RuntimeException e) {
        undo(e);
        failed(e);
      }
    }
  }

  private void failed(Exception e) {
    if (failures.getAndIncrement() % 100 == 0) {
      log.log(Level.WARNING, "Housekeeping failed: " + e.getMessage(), e);
    }
  }

  private void commit() throws SQLException, IOException {
    store.beforeCommit();
    database.commit();
    store.afterCommit();
    participants.forEach(Participant::committed);
  }

  private void between() {
    try {
      for (Participant participant : participants) {
        participant.between();
      }
      database.rollback();
    } catch (SQLException | RuntimeException e) {
      undo(e);
      failed(e);
    }
  }

  private void undo(Exception cause) {
    try {
      database.recover();
      store.afterRollback();
      participants.forEach(Participant::rolledBack);
    } catch (SQLException | IOException e) {
      e.addSuppressed(cause);
      log.log(Level.WARNING, "Cannot undo a change", e);
    }
  }

  private void closeFiles() {
    try {
      store.close();
      database.close();
    } catch (SQLException | IOException e) {
      log.log(Level.WARNING, "Cannot close the store", e);
    }
  }
}
