package dev.understudy.chassis.lifecycle;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * The parts of a running service in the order in which they were started, and their end in the
 * opposite order: first everything drains, the front door (started last) before what stands behind
 * it, then everything is closed. A step that fails or hangs is logged and does not keep the others
 * from theirs.
 *
 * <p>Safe for use by any thread. Closing twice is closing once; the second caller waits for the
 * first.
 */
public final class Lifecycle implements AutoCloseable {
  private static final Logger log = Logger.getLogger(Lifecycle.class.getName());
  private static final Duration CLOSE_DEADLINE = Duration.ofSeconds(10);

  /** What a drain may take beyond its grace before its thread is interrupted. */
  private static final Duration SLACK = Duration.ofSeconds(1);

  private interface Action {
    void run() throws Exception;
  }

  private record Step(String name, Duration deadline, Action action) {}

  private final String service;
  private final Duration closeDeadline;
  private final List<Step> drains = new ArrayList<>();
  private final List<Step> closes = new ArrayList<>();
  private final AtomicBoolean closing = new AtomicBoolean();
  private final CountDownLatch closed = new CountDownLatch(1);

  /**
   * An empty lifecycle.
   *
   * @param service the service's name for the log
   */
  public Lifecycle(String service) {
    this(service, CLOSE_DEADLINE);
  }

  /** An empty lifecycle whose parts may each take this long to close. */
  public Lifecycle(String service, Duration closeDeadline) {
    this.service = service;
    this.closeDeadline = closeDeadline;
  }

  /**
   * Takes charge of a part that has been started. If the lifecycle is being closed already, the
   * part is closed at once.
   *
   * @return the part
   */
  public <T extends AutoCloseable> T add(String name, T part) {
    var step = new Step(name, closeDeadline, part::close);
    synchronized (this) {
      if (!closing.get()) {
        closes.add(step);
        return part;
      }
    }
    run("close", step);
    return part;
  }

  /** Has something drained before anything is closed. The last that was registered comes first. */
  public synchronized void onDrain(String name, Duration grace, Drainable drainable) {
    drains.add(new Step(name, grace.plus(SLACK), () -> drainable.drain(grace)));
  }

  /** Whether {@link #close()} has begun. */
  public boolean isClosing() {
    return closing.get();
  }

  /** Drains, then closes. Never throws; returns within the sum of the deadlines. */
  @Override
  public void close() {
    if (!closing.compareAndSet(false, true)) {
      awaitClosed();
      return;
    }
    List<Step> drainSteps;
    List<Step> closeSteps;
    synchronized (this) {
      drainSteps = List.copyOf(drains).reversed();
      closeSteps = List.copyOf(closes).reversed();
    }
    try {
      drainSteps.forEach(step -> run("drain", step));
      closeSteps.forEach(step -> run("close", step));
    } finally {
      closed.countDown();
    }
  }

  private void awaitClosed() {
    try {
      closed.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run(String verb, Step step) {
    long start = System.nanoTime();
    var thread =
        Thread.ofVirtual()
            .name(service + "-" + verb + "-" + step.name)
            .start(() -> {
              try {
                step.action.run();
              } catch (InterruptedException e) {
                log.log(Level.WARNING, service + ": " + verb + " " + step.name + " was cut off");
              } catch (Exception | LinkageError e) {
                log.log(Level.WARNING, service + ": " + verb + " " + step.name + " failed", e);
              }
            });
    boolean ended = false;
    try {
      ended = thread.join(step.deadline);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (!ended) {
      thread.interrupt();
      log.warning(
          service
              + ": "
              + verb
              + " "
              + step.name
              + " gave up after "
              + step.deadline.toMillis()
              + " ms");
      return;
    }
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    log.fine(() -> service + ": " + verb + " " + step.name + " took " + millis + " ms");
  }
}
