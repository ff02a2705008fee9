package dev.understudy.router.split;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.router.hash.Sampler;
import dev.understudy.router.hash.StableHash;
import java.util.EnumMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class SplitTest {
  private static final int N = 200_000;

  private static String id(SplittableRandom random) {
    return new UUID(random.nextLong(), random.nextLong()).toString();
  }

  @Test
  void sharesAreWhatWasConfigured() {
    SplittableRandom random = new SplittableRandom(1);
    Split split = new Split("salt");
    Map<Share, Integer> counts = new EnumMap<>(Share.class);
    for (int i = 0; i < N; i++) {
      counts.merge(split.share(split.point(id(random)), 500, 1000), 1, Integer::sum);
    }
    // Five standard deviations.
    assertEquals(0.05 * N, counts.getOrDefault(Share.CANARY, 0), 5 * Math.sqrt(N * 0.05 * 0.95));
    assertEquals(0.10 * N, counts.getOrDefault(Share.CONTROL, 0), 5 * Math.sqrt(N * 0.1 * 0.9));
  }

  @Test
  void growingWeightsMoveKeysFromTheChampionOnly() {
    SplittableRandom random = new SplittableRandom(2);
    Split split = new Split("salt");
    for (int i = 0; i < 20_000; i++) {
      long point = split.point(id(random));
      Share before = Share.CHAMPION;
      for (int bp = 0; bp <= 9000; bp += 100) {
        Share now = split.share(point, bp, 1000);
        if (now != before) {
          assertEquals(Share.CHAMPION, before);
          assertEquals(bp == 0 ? Share.CONTROL : Share.CANARY, now);
        }
        before = now;
      }
    }
  }

  @Test
  void theEndsOfTheScaleAreExact() {
    SplittableRandom random = new SplittableRandom(3);
    Split split = new Split("salt");
    for (int i = 0; i < 20_000; i++) {
      long point = split.point(id(random));
      assertEquals(Share.CHAMPION, split.share(point, 0, 0));
      assertEquals(Share.CANARY, split.share(point, 10_000, 0));
      assertEquals(Share.CONTROL, split.share(point, 0, 10_000));
      assertNotEquals(Share.CHAMPION, split.share(point, 4000, 6000));
    }
  }

  @Test
  void aKeyStaysAndAnotherSaltShuffles() {
    Split split = new Split("a");
    assertEquals(split.point("customer-1"), new Split("a").point("customer-1"));
    assertNotEquals(split.point("customer-1"), new Split("b").point("customer-1"));
    assertNotEquals(split.point("customer-1"), split.keyHash("customer-1"));
  }

  @Test
  void theHashIsTheSameInEveryRelease() {
    assertEquals(0x154f55438e74e8d6L, StableHash.of(StableHash.seed("split:salt"), "customer-1"));
  }

  @Test
  void samplesAreIndependentOfTheSplitAndOfEachOther() {
    SplittableRandom random = new SplittableRandom(4);
    Split split = new Split("salt");
    Sampler mirror = new Sampler("mirror");
    Sampler payload = new Sampler("payload");
    int canary = 0;
    int both = 0;
    int sampled = 0;
    int bothSamples = 0;
    for (int i = 0; i < N; i++) {
      String id = id(random);
      boolean isCanary = split.share(split.point(id), 3000, 0) == Share.CANARY;
      boolean isMirrored = mirror.picks(id, 2000);
      canary += isCanary ? 1 : 0;
      sampled += isMirrored ? 1 : 0;
      both += isCanary && isMirrored ? 1 : 0;
      bothSamples += isMirrored && payload.picks(id, 2000) ? 1 : 0;
    }
    assertEquals((double) canary * sampled / N, both, 5 * Math.sqrt(N * 0.06));
    assertEquals(0.2 * sampled, bothSamples, 5 * Math.sqrt(N * 0.04));
    assertTrue(mirror.picks("x", 10_000));
  }
}
