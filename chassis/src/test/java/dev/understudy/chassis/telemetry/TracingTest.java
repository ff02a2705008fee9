package dev.understudy.chassis.telemetry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.ConfigFile;
import dev.understudy.chassis.testing.FakeTraceCollector;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;

class TracingTest {
  private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  private static final String SPAN = "00f067aa0ba902b7";
  private static final String SAMPLED = "00-" + TRACE + "-" + SPAN + "-01";
  private static final String UNSAMPLED = "00-" + TRACE + "-" + SPAN + "-00";

  private static TracingSettings settings(String endpoint, double sample, int most, int queue) {
    return new TracingSettings(endpoint, sample, most, queue);
  }

  @Test
  void spansReachACollectorWithTheirFamilyTimesAndAttributes() throws Exception {
    try (FakeTraceCollector collector = FakeTraceCollector.start()) {
      Tracing tracing = Tracing.start("svc", "one", settings(collector.endpoint(), 0, 100, 100));
      LiveTrace trace = tracing.begin(SAMPLED, 1_000);
      assertNotNull(trace);
      trace.stage("stage", 2_000, 5_000);
      TraceContext child = trace.child();
      trace.called(
          child, "call", 3_000, 4_000, Attributes.of(AttributeKey.longKey("n"), 7L), "it failed");
      trace.stage("linked", 1, 2, Attributes.empty(), List.of(child));
      trace.ended(
          "root",
          11_000,
          Attributes.of(
              AttributeKey.stringKey("understudy.model"),
              "fraud",
              AttributeKey.stringArrayKey("understudy.flags"),
              List.of("a", "b")),
          null);
      tracing.close();
      assertEquals(4, tracing.sent());
      FakeTraceCollector.Span root = collector.named("root").getFirst();
      assertEquals("svc", root.service());
      assertEquals(TRACE, root.traceId());
      assertEquals(SPAN, root.parentId());
      assertEquals(2, root.kind());
      assertEquals(10_000, root.endNanos() - root.startNanos());
      assertEquals("fraud", root.attributes().get("understudy.model"));
      assertEquals("a,b", root.attributes().get("understudy.flags"));
      FakeTraceCollector.Span stage = collector.named("stage").getFirst();
      assertEquals(root.spanId(), stage.parentId());
      assertEquals(1_000, stage.startNanos() - root.startNanos());
      assertEquals(3_000, stage.endNanos() - stage.startNanos());
      FakeTraceCollector.Span call = collector.named("call").getFirst();
      assertEquals(child.spanId(), call.spanId());
      assertEquals(3, call.kind());
      assertEquals("7", call.attributes().get("n"));
      assertEquals("it failed", call.error());
      assertEquals(List.of(child.spanId()), collector.named("linked").getFirst().links());
    }
  }

  @Test
  void aCallersDecisionHoldsAndWithoutOneAShareIsDrawn() throws Exception {
    try (Tracing never = Tracing.start("s", "i", settings("http://127.0.0.1:1", 0, 100, 100));
        Tracing always = Tracing.start("s", "i", settings("http://127.0.0.1:1", 1, 100, 100));
        Tracing half = Tracing.start("s", "i", settings("http://127.0.0.1:1", 0.5, 9999, 100))) {
      assertNull(never.begin(null, 0));
      assertNull(never.begin("nonsense", 0));
      assertNotNull(never.begin(SAMPLED, 0));
      assertNull(always.begin(UNSAMPLED, 0));
      LiveTrace root = always.begin(null, 0);
      assertNotNull(root);
      assertNotNull(TraceContext.parse(root.own().header()));
      int begun = 0;
      for (int i = 0; i < 2000; i++) {
        begun += half.begin(null, 0) == null ? 0 : 1;
      }
      assertTrue(begun > 850 && begun < 1150, "about half of 2000: " + begun);
    }
  }

  @Test
  void callersCannotHaveMoreTracedPerSecondThanIsAllowed() {
    try (Tracing tracing = Tracing.start("s", "i", settings("http://127.0.0.1:1", 0, 5, 100))) {
      long second = 1_000_000_000L;
      for (int i = 0; i < 8; i++) {
        assertEquals(i < 5, tracing.begin(SAMPLED, 7 * second + i) != null);
      }
      assertEquals(3, tracing.capped());
      assertNotNull(tracing.begin(SAMPLED, 8 * second));
    }
  }

  @Test
  void aDeadCollectorCostsSpansAndNothingElse() throws Exception {
    Tracing tracing = Tracing.start("s", "i", settings("http://127.0.0.1:1", 1, 100_000, 64));
    long before = System.nanoTime();
    for (int i = 0; i < 10_000; i++) {
      LiveTrace trace = tracing.begin(null, 0);
      assertNotNull(trace);
      trace.ended("root", 1, Attributes.empty(), null);
    }
    long took = System.nanoTime() - before;
    assertTrue(took < Duration.ofSeconds(5).toNanos(), "nobody waits: " + took + " ns");
    tracing.close();
    assertTrue(tracing.dropped() > 0);
    assertEquals(10_000, tracing.dropped() + tracing.failed() + tracing.waiting());
    assertEquals(0, tracing.sent());
  }

  @Test
  void aCollectorThatRefusesIsCountedAndTriedAgain() throws Exception {
    try (FakeTraceCollector collector = FakeTraceCollector.start();
        Tracing tracing = Tracing.start("s", "i", settings(collector.endpoint(), 1, 100, 64))) {
      collector.answer(500);
      end(tracing);
      eventually(() -> tracing.failed() == 1);
      collector.answer(200);
      end(tracing);
      eventually(() -> tracing.sent() == 1);
      assertEquals(1, collector.spans().size());
    }
  }

  private static void end(Tracing tracing) {
    LiveTrace trace = tracing.begin(null, 0);
    assertNotNull(trace);
    trace.ended("root", 1, Attributes.empty(), null);
  }

  private static void eventually(java.util.function.BooleanSupplier condition) {
    Assertions.assertTimeout(
        Duration.ofSeconds(20),
        () -> {
          while (!condition.getAsBoolean()) {
            java.util.concurrent.locks.LockSupport.parkNanos(2_000_000);
          }
        });
  }

  @Test
  void settingsAreReadWithTheirDefaultsAndRefusedByName() {
    assertEquals(
        new TracingSettings("http://c:4318", 0.01, 1000, 8192),
        read("tracing: {endpoint: 'http://c:4318'}"));
    assertEquals("http://c:4318/v1/traces", settings("http://c:4318", 1, 1, 1).url());
    assertEquals("http://c:4318/v1/traces", settings("http://c:4318/", 1, 1, 1).url());
    assertEquals("https://c/otlp/x", settings("https://c/otlp/x", 1, 1, 1).url());
    assertNull(read("other: 1"));
    assertEquals(
        List.of(
            "t:1: tracing.endpoint: 'ftp://c' (expected: http://host:port or https://host:port)"),
        Assertions.assertThrows(ConfigException.class, () -> read("tracing: {endpoint: 'ftp://c'}"))
            .problems());
    assertEquals(
        List.of("t:1: tracing.endpoint: missing (expected: http://host:4318)"),
        Assertions.assertThrows(ConfigException.class, () -> read("tracing: {sample: 1%}"))
            .problems());
  }

  private static @Nullable TracingSettings read(String yaml) {
    return ConfigFile.parse(
            "t",
            yaml,
            root -> {
              root.integer("other", 0, 0, 9);
              return Optional.ofNullable(TracingSettings.read(root.section("tracing")));
            })
        .orElse(null);
  }
}
