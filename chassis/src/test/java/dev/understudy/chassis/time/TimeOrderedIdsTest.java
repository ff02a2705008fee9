package dev.understudy.chassis.time;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.testing.ManualTime;
import java.time.Duration;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;

class TimeOrderedIdsTest {
  private final ManualTime time = new ManualTime();

  @Test
  void identifiersAreVersionSevenAndCarryTheTime() {
    UUID id = UuidV7.next(time, new Random(1));
    assertEquals(7, id.version());
    assertEquals(2, id.variant());
    assertEquals(ManualTime.START_MILLIS, UuidV7.millis(id));
    assertEquals(id, UUID.fromString(id.toString()));
  }

  @Test
  void identifiersGrowAlsoWithinAMillisecondAndPastTheCounter() {
    var ids = new TimeOrderedIds(time, new Random(2));
    String last = ids.next();
    for (int i = 0; i < 10_000; i++) {
      if (i % 5_000 == 4_999) {
        time.advance(Duration.ofMillis(1));
      }
      String next = ids.next();
      assertTrue(next.compareTo(last) > 0, next + " after " + last);
      assertEquals(7, UUID.fromString(next).version());
      last = next;
    }
  }

  @Test
  void identifiersGrowWhenTheClockIsSetBack() {
    long[] millis = {1_000_000};
    TimeSource jumping =
        new TimeSource() {
          @Override
          public long nanoTime() {
            return 0;
          }

          @Override
          public long wallMillis() {
            return millis[0];
          }
        };
    var ids = new TimeOrderedIds(jumping, new Random(3));
    String before = ids.next();
    millis[0] -= 60_000;
    assertTrue(ids.next().compareTo(before) > 0);
  }

  @Test
  void threadsNeverGetTheSameIdentifier() throws Exception {
    var ids = TimeOrderedIds.system();
    Set<String> seen = ConcurrentHashMap.newKeySet();
    var threads = new Thread[4];
    for (int t = 0; t < threads.length; t++) {
      threads[t] =
          Thread.ofVirtual()
              .start(() -> {
                for (int i = 0; i < 20_000; i++) {
                  seen.add(ids.next());
                }
              });
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertEquals(80_000, seen.size());
  }
}
