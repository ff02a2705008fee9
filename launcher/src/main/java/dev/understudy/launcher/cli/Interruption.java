package dev.understudy.launcher.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Turns Ctrl-C (SIGINT, SIGTERM) into a flag, and lets the process live until what is guarded has
 * ended, at most so long: work that is cut short can still say what it found.
 */
final class Interruption implements AutoCloseable {
  private static final long GRACE_SECONDS = 10;

  private final AtomicBoolean asked = new AtomicBoolean();
  private final CountDownLatch over = new CountDownLatch(1);
  private final Thread hook = new Thread(this::stop, "interruption");

  private Interruption() {}

  static Interruption begin() {
    Interruption interruption = new Interruption();
    Runtime.getRuntime().addShutdownHook(interruption.hook);
    return interruption;
  }

  private void stop() {
    asked.set(true);
    try {
      var _ = over.await(GRACE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** True as soon as someone wants it to end. */
  AtomicBoolean asked() {
    return asked;
  }

  @Override
  public void close() {
    over.countDown();
    if (!asked.get()) {
      try {
        Runtime.getRuntime().removeShutdownHook(hook);
      } catch (IllegalStateException e) {
        // It is running already, and ends by itself.
        asked.set(true);
      }
    }
  }
}
