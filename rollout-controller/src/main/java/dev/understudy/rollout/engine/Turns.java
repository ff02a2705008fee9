package dev.understudy.rollout.engine;

import dev.understudy.chassis.error.Fault;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.logging.Level;
import java.util.logging.Logger;

/** The engine's one thread, on which every decision is made. Its queue is bounded. */
final class Turns implements AutoCloseable {
  private static final int QUEUE = 4096;
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final Logger log = Logger.getLogger(Turns.class.getName());

  private final AtomicLong dropped = new AtomicLong();
  private final ThreadPoolExecutor executor =
      new ThreadPoolExecutor(
          1,
          1,
          0,
          TimeUnit.SECONDS,
          new ArrayBlockingQueue<>(QUEUE),
          Thread.ofPlatform().daemon().name("rollout-engine").factory());

  /**
   * Runs a task in turn. When the queue is full it is dropped and counted: every event is only a
   * reason to look again, and the timer looks again anyway.
   */
  void post(Runnable task) {
    try {
      executor.execute(() -> {
        try {
          task.run();
        } catch (RuntimeException e) {
          log.log(Level.WARNING, "a rollout's event could not be handled", e);
        }
      });
    } catch (RejectedExecutionException full) {
      dropped.incrementAndGet();
    }
  }

  /** Runs a command in turn and waits for its result; what it throws is thrown here. */
  <T> T call(Callable<T> command) {
    var task = new FutureTask<>(command);
    try {
      executor.execute(task);
      return task.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      throw Fault.of(Status.Code.UNAVAILABLE, "BUSY", "The controller takes no more commands now.");
    } catch (TimeoutException e) {
      throw Fault.of(
          Status.Code.UNAVAILABLE, "BUSY", "The controller did not get to the command in time.");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Fault.of(Status.Code.CANCELLED, "CANCELLED", "The command was interrupted.");
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : Fault.from(e);
    }
  }

  /** How many events found no room. */
  long dropped() {
    return dropped.get();
  }

  @Override
  public void close() {
    executor.shutdown();
    try {
      if (!executor.awaitTermination(5, TimeUnit.SECONDS)) {
        executor.shutdownNow();
      }
    } catch (InterruptedException e) {
      executor.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
