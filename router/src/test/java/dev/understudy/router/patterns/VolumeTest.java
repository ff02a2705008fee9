package dev.understudy.router.patterns;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class VolumeTest {
  private static final long MINUTE = 60_000;
  private static final long DAY = 24 * 60 * MINUTE;

  /** Runs minutes with Poisson counts; how many of them were above their bound. */
  private static int above(Volume volume, Random random, long from, long minutes, double mean) {
    int above = 0;
    for (long m = 0; m < minutes; m++) {
      boolean over = false;
      int calls = poisson(random, mean);
      for (int i = 0; i < calls; i++) {
        over |= volume.count(from + m * MINUTE);
      }
      above += over ? 1 : 0;
    }
    return above;
  }

  private static int poisson(Random random, double mean) {
    int count = 0;
    for (double left = mean; left > 0; left -= 20) {
      double product = random.nextDouble();
      double limit = Math.exp(-Math.min(left, 20));
      while (product > limit) {
        count++;
        product *= random.nextDouble();
      }
    }
    return count;
  }

  @Test
  void aSteadyCallerIsNeverAboveHisBoundAndAFloodIs() {
    Volume volume = new Volume(5);
    Random random = new Random(1);
    assertEquals(0, above(volume, random, 0, 3 * 24 * 60, 20));
    assertEquals(20, volume.usual(), 2);
    assertEquals(0, above(volume, random, 3 * DAY, 60, 60), "three times as much is no flood");
    assertEquals(10, above(volume, random, 3 * DAY + 60 * MINUTE, 10, 300));
  }

  @Test
  void nobodyIsJudgedBeforeAnHourOfHistory() {
    Volume volume = new Volume(5);
    Random random = new Random(2);
    assertEquals(0, above(volume, random, 0, 30, 2));
    assertEquals(0, above(volume, random, 30 * MINUTE, 5, 500));
    assertTrue(Double.isNaN(volume.usual()));
  }

  @Test
  void aFloodDoesNotBecomeUsualByLasting() {
    Volume volume = new Volume(5);
    Random random = new Random(3);
    assertEquals(0, above(volume, random, 0, 24 * 60, 10));
    int hour = above(volume, random, DAY, 60, 1000);
    assertEquals(60, hour);
  }

  @Test
  void eachHourOfTheDayHasItsOwnHistory() {
    Volume volume = new Volume(5);
    Random random = new Random(4);
    for (int day = 0; day < 4; day++) {
      for (int hour = 0; hour < 24; hour++) {
        int above = above(volume, random, day * DAY + 60L * hour * MINUTE, 60, hour == 3 ? 400 : 2);
        // On the first two days the batch at three o'clock is news.
        assertTrue(day < 2 || above == 0, day + ":" + hour + " " + above);
      }
    }
    assertTrue(above(volume, random, 4 * DAY + 4 * 60 * MINUTE, 5, 400) == 5, "at four it is not");
  }

  @Test
  void silenceIsHistoryTooAndAClockSetBackTeachesNothing() {
    Volume volume = new Volume(5);
    volume.count(0);
    assertFalse(volume.count(2 * DAY), "a call after two days");
    assertTrue(volume.usual() < 0.1, "mostly silent: " + volume.usual());
    for (int i = 0; i < 50; i++) {
      volume.count(DAY);
    }
    assertTrue(volume.usual() < 0.1, "the past was learned again");
  }
}
