package dev.understudy.chassis.telemetry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BoundedRingTest {
  @Test
  void thingsComeOutInTheirOrderAndWhatFindsNoRoomIsCounted() {
    BoundedRing<String> ring = new BoundedRing<>(3);
    for (int i = 0; i < 4; i++) {
      assertTrue(ring.offer("a" + i));
    }
    assertFalse(ring.offer("b"), "three are rounded up to four");
    assertEquals(1, ring.dropped());
    assertEquals(4, ring.size());
    assertEquals("a0", ring.poll());
    assertTrue(ring.offer("c"));
    assertEquals(
        List.of("a1", "a2", "a3", "c"),
        List.of(ring.poll(), ring.poll(), ring.poll(), ring.poll()));
    assertNull(ring.poll());
    assertEquals(0, ring.size());
  }

  @Test
  void aRingHasRoom() {
    assertEquals(
        "capacity: 0 (expected: 1 to 16777216)",
        assertThrows(IllegalArgumentException.class, () -> new BoundedRing<String>(0))
            .getMessage());
  }

  @Test
  void nothingIsLostUncountedOrDoubledBetweenThreads() throws Exception {
    BoundedRing<Long> ring = new BoundedRing<>(64);
    int producers = 3;
    int each = 50_000;
    List<Thread> threads = new ArrayList<>();
    for (int p = 0; p < producers; p++) {
      long base = (long) p * each;
      threads.add(
          Thread.ofPlatform()
              .start(() -> {
                for (int i = 0; i < each; i++) {
                  ring.offer(base + i);
                }
              }));
    }
    long[] latest = {-1, -1, -1};
    long received = 0;
    while (threads.stream().anyMatch(Thread::isAlive) || ring.size() > 0) {
      Long next = ring.poll();
      if (next == null) {
        Thread.onSpinWait();
        continue;
      }
      int producer = (int) (next / each);
      assertTrue(next > latest[producer], "each producer's come in their order");
      latest[producer] = next;
      received++;
    }
    assertEquals((long) producers * each, received + ring.dropped());
  }
}
