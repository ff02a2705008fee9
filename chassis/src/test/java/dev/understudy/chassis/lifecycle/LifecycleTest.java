package dev.understudy.chassis.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class LifecycleTest {
  private final List<String> order = Collections.synchronizedList(new ArrayList<>());
  private final Lifecycle lifecycle = new Lifecycle("test", Duration.ofMillis(200));

  private AutoCloseable part(String name) {
    return () -> order.add("close " + name);
  }

  @Test
  void allDrainBeforeAnyClosesAndTheLastStartedIsFirst() {
    lifecycle.add("store", part("store"));
    lifecycle.onDrain("store", Duration.ofSeconds(1), grace -> order.add("drain store"));
    lifecycle.add("server", part("server"));
    lifecycle.onDrain("server", Duration.ofSeconds(1), grace -> order.add("drain server"));
    lifecycle.close();
    lifecycle.close();
    assertEquals(List.of("drain server", "drain store", "close server", "close store"), order);
    assertTrue(lifecycle.isClosing());
  }

  @Test
  void aPartThatFailsOrHangsKeepsNoOtherFromItsEnd() {
    lifecycle.add("first", part("first"));
    lifecycle.add("hangs", () -> new CountDownLatch(1).await());
    lifecycle.add(
        "fails",
        () -> {
          throw new IllegalStateException("expected by the test");
        });
    lifecycle.close();
    assertEquals(List.of("close first"), order);
  }

  @Test
  void aPartThatComesTooLateIsClosedAtOnce() {
    lifecycle.close();
    lifecycle.add("late", part("late"));
    assertEquals(List.of("close late"), order);
  }
}
