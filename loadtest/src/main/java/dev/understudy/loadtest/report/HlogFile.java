package dev.understudy.loadtest.report;

import dev.understudy.loadtest.drive.Block;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogWriter;

/** Latencies of calls that ended OK in HdrHistogram's log format, nanoseconds, block by block. */
public final class HlogFile {
  private static final long LONGEST_NANOS = 1L << 36;

  private HlogFile() {}

  /** Writes what was counted of a target. */
  public static void write(Measurement target, Path file) throws IOException {
    try (PrintStream stream =
        new PrintStream(Files.newOutputStream(file), false, StandardCharsets.UTF_8)) {
      HistogramLogWriter log = new HistogramLogWriter(stream);
      log.outputComment("[Latency from the scheduled send, nanoseconds]");
      log.outputStartTime(target.startUnixMillis());
      log.outputLogFormatVersion();
      log.outputLegend();
      Histogram histogram = new Histogram(1, LONGEST_NANOS, 3);
      // Tags may hold neither commas nor spaces nor line ends.
      histogram.setTag(target.name().replaceAll("[,\\s]", "_"));
      for (Block block : target.counted().blocks()) {
        histogram.reset();
        block.ok().addTo(histogram);
        histogram.setStartTimeStamp(target.startUnixMillis() + block.startNanos() / 1_000_000);
        histogram.setEndTimeStamp(
            target.startUnixMillis() + (block.startNanos() + block.nanos()) / 1_000_000);
        log.outputIntervalHistogram(histogram);
      }
    }
  }
}
