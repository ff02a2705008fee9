package dev.understudy.router.overload;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class DeadlineForecastTest {
  private static final long MILLI = 1_000_000;

  private final DeadlineForecast forecast = new DeadlineForecast(MILLI);

  private void answers(String model, int count, long millis) {
    for (int i = 0; i < count; i++) {
      forecast.answered(model, millis * MILLI, 0);
    }
  }

  @Test
  void nothingIsRefusedOfAModelThatHasNotAnsweredOftenEnough() {
    assertEquals(0, forecast.missing("m", 1, 0));
    answers("m", LowQuantile.ENOUGH - 1, 100);
    for (int i = 0; i < 100; i++) {
      assertEquals(0, forecast.missing("m", 1, 0));
    }
  }

  @Test
  void whatHasLessTimeThanTheModelNeedsIsRefusedButForOneIn50Millis() {
    answers("m", LowQuantile.ENOUGH, 100);
    assertEquals(0, forecast.missing("m", 10 * MILLI, 0), "the first one is tried");
    assertEquals(101 * MILLI, forecast.missing("m", 10 * MILLI, 0));
    assertEquals(101 * MILLI, forecast.missing("m", 101 * MILLI - 1, 49 * MILLI));
    assertEquals(0, forecast.missing("m", 101 * MILLI, 49 * MILLI), "enough time");
    assertEquals(0, forecast.missing("m", Long.MAX_VALUE, 49 * MILLI), "no deadline");
    assertEquals(0, forecast.missing("m", 10 * MILLI, 50 * MILLI), "the next one is tried");
    assertEquals(101 * MILLI, forecast.missing("m", 10 * MILLI, 50 * MILLI));
    assertEquals(0, forecast.missing("other", 1, 50 * MILLI));
  }

  @Test
  void anEstimateThatIsTooHighRecoversFromTheFewThatAreTried() {
    answers("m", 1000, 100);
    long now = 0;
    int refused = 0;
    for (; now < 60_000 * MILLI; now += MILLI) {
      if (forecast.missing("m", 20 * MILLI, now) == 0) {
        forecast.answered("m", 5 * MILLI, now);
      } else {
        refused++;
      }
    }
    assertTrue(refused < 3_000, refused + " of 60,000 refused");
    assertEquals(0, forecast.missing("m", 20 * MILLI, now));
  }

  @Test
  void aTenthOfTheValuesLiesBelowTheEstimate() {
    for (int seed = 0; seed < 5; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      LowQuantile low = new LowQuantile();
      int below = 0;
      for (int i = 0; i < 40_000; i++) {
        long value = (long) (5e6 * Math.exp(random.nextGaussian()));
        if (i >= 20_000 && value < low.get()) {
          below++;
        }
        low.add(value);
      }
      assertTrue(below > 1_400 && below < 2_600, "seed " + seed + ": " + below + " of 20,000");
    }
  }

  @Test
  void theEstimateFollowsAModelThatHasBecomeSlower() {
    LowQuantile low = new LowQuantile();
    for (int i = 0; i < 1_000; i++) {
      low.add(MILLI);
    }
    for (int i = 0; i < 1_000; i++) {
      low.add(20 * MILLI);
    }
    assertTrue(low.get() > 15 * MILLI && low.get() < 25 * MILLI, "" + low.get());
  }

  @Test
  void extremesDoNotBreakIt() {
    LowQuantile low = new LowQuantile();
    for (int i = 0; i < 1_000; i++) {
      low.add(i % 2 == 0 ? 0 : Long.MAX_VALUE);
    }
    assertTrue(low.get() >= 0);
    assertThrows(IllegalArgumentException.class, () -> new DeadlineForecast(-1));
  }

  @Test
  void modelsThatAreGoneAreForgotten() {
    answers("m", LowQuantile.ENOUGH, 100);
    forecast.retain(List.of("other"));
    assertEquals(0, forecast.missing("m", 1, 0));
    assertEquals(0, forecast.missing("m", 1, 0));
  }
}
