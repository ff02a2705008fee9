package dev.understudy.chassis.time;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.testing.ManualScheduler;
import dev.understudy.chassis.testing.ManualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class SchedulerTest {
  private final ManualTime time = new ManualTime();
  private final ManualScheduler manual = ManualScheduler.on(time);
  private final List<String> ran = new ArrayList<>();

  @Test
  void theClockStopsAtEachTaskInOrder() {
    Cancellable beat =
        manual.every(Duration.ofSeconds(2), "beat", () -> ran.add("beat@" + seconds()));
    manual.after(
        Duration.ofSeconds(3),
        "once",
        () -> {
          ran.add("once@" + seconds());
          manual.after(Duration.ofSeconds(2), "then", () -> ran.add("then@" + seconds()));
        });
    time.advance(Duration.ofSeconds(6));
    assertEquals(List.of("beat@2", "once@3", "beat@4", "then@5", "beat@6"), ran);

    beat.cancel();
    time.advance(Duration.ofMinutes(1));
    assertEquals(5, ran.size());
    assertEquals(List.of(), manual.pending());
  }

  @Test
  void aFailingTaskIsCountedAndItsScheduleGoesOn() {
    manual.every(
        Duration.ofSeconds(1),
        "bad",
        () -> {
          throw new IllegalStateException("boom");
        });
    time.advance(Duration.ofSeconds(3));
    assertEquals(3, manual.failures());
    assertEquals("boom", manual.thrown().getFirst().getMessage());
  }

  @Test
  void theDaemonSurvivesItsTasks() throws Exception {
    var thirdRun = new CountDownLatch(3);
    try (Scheduler scheduler = Scheduler.daemon("test-scheduler")) {
      scheduler.every(
          Duration.ofMillis(1),
          "bad",
          () -> {
            thirdRun.countDown();
            throw new IllegalStateException("expected by the test");
          });
      assertTrue(thirdRun.await(10, TimeUnit.SECONDS));
      assertTrue(scheduler.failures() >= 2);
    }
  }

  @Test
  void aClosedDaemonIgnoresTasks() {
    Scheduler scheduler = Scheduler.daemon("test-scheduler");
    scheduler.close();
    scheduler.after(Duration.ZERO, "late", () -> ran.add("late")).cancel();
    scheduler.every(Duration.ofMillis(1), "late", () -> ran.add("late")).cancel();
    assertEquals(List.of(), ran);
  }

  @Test
  void aPeriodIsPositive() {
    assertThrows(
        IllegalArgumentException.class, () -> manual.every(Duration.ZERO, "never", () -> {}));
  }

  private long seconds() {
    return time.nanoTime() / 1_000_000_000;
  }
}
