package dev.understudy.router.record;

import com.google.protobuf.ByteString;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.StageHistogram;
import dev.understudy.proto.v1.StageHistograms;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.ConcurrentHashMap;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;

/**
 * Where time went, per model, arm and stage: telemetry, not evidence. Interval histograms of three
 * digits, flipped without stalling writers, encoded in HdrHistogram's compressed second form. Any
 * thread records; one thread cuts.
 */
public final class StageTimes {
  private static final int DIGITS = 3;
  private static final int MAX_SERIES = 4096;

  private record Series(String model, Role role, String version, String stage) {}

  private final String instance;
  private final ConcurrentHashMap<Series, Recorder> recorders = new ConcurrentHashMap<>();

  /** Times of the router of that name. */
  public StageTimes(String instance) {
    this.instance = instance;
  }

  /** Records one time of a stage: {@code total}, {@code upstream}, {@code router}. */
  public void record(String model, Role role, String version, String stage, long nanos) {
    Series series = new Series(model, role, version, stage);
    Recorder recorder = recorders.get(series);
    if (recorder == null) {
      if (recorders.size() >= MAX_SERIES) {
        return;
      }
      recorder = recorders.computeIfAbsent(series, key -> new Recorder(DIGITS));
    }
    recorder.recordValue(Math.max(0, nanos));
  }

  /** All histograms since the last cut that hold values. */
  public StageHistograms cut(long fromUnixMs, long toUnixMs) {
    StageHistograms.Builder all =
        StageHistograms.newBuilder()
            .setService("router")
            .setInstance(instance)
            .setFromUnixMs(fromUnixMs)
            .setToUnixMs(toUnixMs);
    recorders.forEach((series, recorder) -> {
      Histogram histogram = recorder.getIntervalHistogram();
      if (histogram.getTotalCount() > 0) {
        all.addHistograms(
            StageHistogram.newBuilder()
                .setModel(series.model())
                .setRole(series.role())
                .setVersion(series.version())
                .setStage(series.stage())
                .setHdr(encode(histogram)));
      }
    });
    return all.build();
  }

  private static ByteString encode(Histogram histogram) {
    ByteBuffer buffer = ByteBuffer.allocate(histogram.getNeededByteBufferCapacity());
    int size = histogram.encodeIntoCompressedByteBuffer(buffer);
    return ByteString.copyFrom(Arrays.copyOf(buffer.array(), size));
  }
}
