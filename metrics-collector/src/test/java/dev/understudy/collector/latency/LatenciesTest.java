package dev.understudy.collector.latency;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import com.google.protobuf.ByteString;
import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.telemetry.LatencyRecorder;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.StageHistogram;
import dev.understudy.proto.v1.StageHistograms;
import java.time.Duration;
import java.util.Random;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

class LatenciesTest {
  private static final SeriesKey KEY = new SeriesKey("router", "total", "m", Role.CANARY, "2");

  private final ManualTime time = new ManualTime();
  private final Latencies latencies = new Latencies(time);

  @Test
  void theMergedHistogramIsThatOfAllValues() {
    Random random = new Random(5);
    Histogram all = LatencyRecorder.emptyHistogram();
    for (int part = 0; part < 40; part++) {
      Histogram one = LatencyRecorder.emptyHistogram();
      for (int i = 0; i < 1_000; i++) {
        long nanos = (long) (1e6 * Math.exp(random.nextGaussian()));
        one.recordValue(nanos);
        all.recordValue(nanos);
      }
      latencies.add(message(one));
      time.advance(Duration.ofSeconds(part % 3));
    }
    assertEquals(all, latencies.total(KEY));
    assertEquals(Quantiles.of(all), latencies.window(KEY, 900_000));
  }

  @Test
  void aWindowForgetsWhatIsOlder() {
    latencies.add(message(of(5_000_000)));
    time.advance(Duration.ofSeconds(100));
    latencies.add(message(of(1_000_000)));
    assertEquals(1, latencies.window(KEY, 60_000).count());
    assertEquals(2, latencies.window(KEY, 900_000).count());
    assertEquals(2, latencies.course(KEY).size());
    time.advance(Duration.ofMinutes(20));
    assertEquals(Quantiles.NONE, latencies.window(KEY, 900_000));
    assertEquals(of(5_000_000, 1_000_000), latencies.total(KEY));
  }

  @Test
  void aLateHistogramIsAddedToTheSliceItBelongsTo() {
    StageHistograms late = message(of(7_000_000));
    time.advance(Duration.ofSeconds(30));
    latencies.add(message(of(1_000_000)));
    latencies.add(late);
    assertEquals(2, latencies.course(KEY).size());
    assertEquals(1, latencies.course(KEY).getFirst().quantiles().count());
  }

  @Test
  void oneBadHistogramKeepsTheWholeMessageOut() {
    StageHistograms message =
        message(of(1_000_000)).toBuilder()
            .addHistograms(StageHistogram.newBuilder().setHdr(ByteString.copyFromUtf8("nonsense!")))
            .build();
    Fault fault = assertThrows(Fault.class, () -> latencies.add(message));
    assertEquals("BAD_HISTOGRAM", fault.reason());
    assertTrue(latencies.keys().isEmpty());
  }

  @Test
  void seriesAreBounded() {
    for (int i = 0; i < 600; i++) {
      latencies.record(new SeriesKey("s", "t", "m", Role.CHAMPION, "v" + i), 1, 0);
    }
    assertEquals(512, latencies.keys().size());
    assertEquals(88, latencies.refused());
  }

  @Test
  void theCodecKeepsEveryCount() {
    Histogram histogram = of(1_500, 2_000_000, 30_000_000_000L);
    assertEquals(histogram, HdrCodec.decode(HdrCodec.encode(histogram)));
  }

  @FuzzTest(maxDuration = "60s")
  void anyBytesAreDecodedOrRefused(byte[] bytes) {
    try {
      Histogram histogram = HdrCodec.decode(bytes);
      assertTrue(histogram.getTotalCount() >= 0);
    } catch (Fault refused) {
      assertEquals("BAD_HISTOGRAM", refused.reason());
    }
  }

  private static Histogram of(long... nanos) {
    Histogram histogram = LatencyRecorder.emptyHistogram();
    for (long one : nanos) {
      histogram.recordValue(one);
    }
    return histogram;
  }

  private StageHistograms message(Histogram histogram) {
    return StageHistograms.newBuilder()
        .setService("router")
        .setInstance("router-1")
        .setFromUnixMs(time.wallMillis())
        .setToUnixMs(time.wallMillis() + 1)
        .addHistograms(
            StageHistogram.newBuilder()
                .setModel("m")
                .setRole(Role.CANARY)
                .setVersion("2")
                .setStage("total")
                .setHdr(ByteString.copyFrom(HdrCodec.encode(histogram))))
        .build();
  }
}
