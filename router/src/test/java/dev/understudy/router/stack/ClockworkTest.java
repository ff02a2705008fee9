package dev.understudy.router.stack;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.understudy.chassis.testing.ManualScheduler;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.chassis.time.TimeSource;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ClockworkTest {
  private static final long START = ManualTime.START_MILLIS / 1000;

  /** A wall clock that can be set, beside a monotonic one that cannot. */
  private static final class SetClock implements TimeSource {
    final ManualTime time = new ManualTime();
    long setMillis;

    @Override
    public long nanoTime() {
      return time.nanoTime();
    }

    @Override
    public long wallMillis() {
      return time.wallMillis() + setMillis;
    }
  }

  private final SetClock clock = new SetClock();
  private final List<Long> seconds = new ArrayList<>();

  private void begin() {
    new Clockwork(ManualScheduler.on(clock.time), clock, second -> seconds.add(second - START))
        .start();
  }

  @Test
  void everySecondIsToldOnceWhenItIsOver() {
    begin();
    clock.time.advance(Duration.ofMillis(3999));
    assertEquals(List.of(0L, 1L, 2L), seconds);
    clock.time.advance(Duration.ofMillis(1));
    assertEquals(List.of(0L, 1L, 2L, 3L), seconds);
  }

  @Test
  void aClockThatIsSetBackOrForwardStopsNoBlock() {
    begin();
    clock.time.advance(Duration.ofSeconds(2));
    clock.setMillis = -3_600_250;
    clock.time.advance(Duration.ofSeconds(2));
    clock.setMillis = 3_600_600;
    clock.time.advance(Duration.ofSeconds(2));
    assertEquals(List.of(0L, 1L, -3599L, -3598L, 3603L, 3604L, 3605L), seconds);
  }

  @Test
  void aTimerThatFiresALittleEarlyHasMeantTheSecondThatIsAllButOver() {
    begin();
    clock.time.advance(Duration.ofSeconds(1));
    // The wall clock is slewed: at the next run it says x.995.
    clock.setMillis = -5;
    clock.time.advance(Duration.ofSeconds(1));
    assertEquals(List.of(0L, 1L), seconds);
    clock.time.advance(Duration.ofMillis(1005));
    assertEquals(List.of(0L, 1L, 2L), seconds, "not the same second twice");
  }
}
