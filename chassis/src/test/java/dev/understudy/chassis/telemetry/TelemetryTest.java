package dev.understudy.chassis.telemetry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.HostPort;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

class TelemetryTest {
  @Test
  void prometheusReadsNamesWithUnits() throws Exception {
    String page;
    try (Telemetry telemetry = Telemetry.start("test", HostPort.loopback(0), null)) {
      telemetry.meter().counterBuilder("router.requests").setUnit("{request}").build().add(3);
      telemetry
          .meter()
          .histogramBuilder("router.request.duration")
          .setUnit("s")
          .setExplicitBucketBoundariesAdvice(List.of(0.001, 0.01))
          .build()
          .record(0.002);
      try (var client = HttpClient.newHttpClient()) {
        page =
            client
                .send(
                    HttpRequest.newBuilder(
                            URI.create("http://127.0.0.1:" + telemetry.port() + "/metrics"))
                        .build(),
                    HttpResponse.BodyHandlers.ofString())
                .body();
      }
      HostPort taken = HostPort.loopback(telemetry.port());
      assertThrows(IOException.class, () -> Telemetry.start("test", taken, null));
    }
    for (String expected :
        List.of(
            "router_requests_total 3.0",
            "router_request_duration_seconds_bucket{le=\"0.01\"} 1",
            "jvm_memory_used_bytes{jvm_memory_type=\"heap\"}",
            "jvm_buffer_memory_used_bytes{jvm_buffer_pool_name=\"direct\"}",
            "jvm_gc_pause_seconds_total{",
            "jvm_thread_count ",
            "jvm_cpu_time_seconds_total ",
            "service_name=\"test\"")) {
      assertTrue(page.contains(expected), () -> expected + " is not in\n" + page);
    }
  }

  @Test
  void readersMustPresentTheTokenAndOffLoopbackThereMustBeOne() throws Exception {
    String token = "0123456789abcdef";
    try (Telemetry telemetry = Telemetry.start("test", HostPort.loopback(0), token);
        var client = HttpClient.newHttpClient()) {
      var ask =
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + telemetry.port() + "/metrics"));
      var nothing = HttpResponse.BodyHandlers.discarding();
      assertEquals(401, client.send(ask.build(), nothing).statusCode());
      ask.setHeader("Authorization", "Bearer " + token + "x");
      assertEquals(401, client.send(ask.build(), nothing).statusCode());
      ask.setHeader("Authorization", "Bearer " + token);
      assertEquals(200, client.send(ask.build(), nothing).statusCode());
    }
    var refused =
        assertThrows(
            ConfigException.class,
            () -> Telemetry.start("test", HostPort.parse("0.0.0.0:0"), null));
    assertTrue(
        refused
            .problems()
            .getFirst()
            .contains("off loopback nothing starts without TLS or a token"),
        refused::getMessage);
  }

  @Test
  void withoutAnAddressNothingListens() throws Exception {
    try (Telemetry none = Telemetry.start("test", null, null)) {
      none.meter().counterBuilder("a").build().add(1);
      assertEquals(-1, none.port());
    }
  }

  @Test
  void latenciesAreKeptToThreeDigitsAndClampedToTheirRange() {
    var recorder = new LatencyRecorder();
    for (int millis = 1; millis <= 1000; millis++) {
      recorder.record(millis * 1_000_000L);
    }
    recorder.record(-5);
    recorder.record(Long.MAX_VALUE);
    Histogram first = recorder.intervalSnapshot();
    assertEquals(1002, first.getTotalCount());
    assertEquals(500e6, (double) first.getValueAtPercentile(50), 1e6);
    assertEquals(60e9, (double) first.getMaxValue(), 60e6);

    recorder.record(2_000_000);
    Histogram sum = LatencyRecorder.emptyHistogram();
    sum.add(first);
    sum.add(recorder.intervalSnapshot());
    assertEquals(1003, sum.getTotalCount());
    assertEquals(0, recorder.intervalSnapshot().getTotalCount());
  }
}
