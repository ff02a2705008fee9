package dev.understudy.comparator.telemetry;

import io.opentelemetry.api.metrics.Meter;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

/**
 * What this comparator has seen, dropped and refused since it started. Safe for use by any thread.
 */
public final class Counters {
  private final Map<Counter, LongAdder> counts = new EnumMap<>(Counter.class);

  /** All counts 0. */
  public Counters() {
    for (Counter counter : Counter.values()) {
      counts.put(counter, new LongAdder());
    }
  }

  /** Counts so many more. */
  public void add(Counter counter, long more) {
    LongAdder count = counts.get(counter);
    if (count != null) {
      count.add(more);
    }
  }

  /** Counts one more. */
  public void increment(Counter counter) {
    add(counter, 1);
  }

  /** The present value of a count. */
  public long get(Counter counter) {
    LongAdder count = counts.get(counter);
    return count == null ? 0 : count.sum();
  }

  /** Has every count exported as {@code comparator.NAME}. */
  public void register(Meter meter) {
    counts.forEach((counter, count) -> {
      var _ =
          meter
              .counterBuilder("comparator." + counter.name().toLowerCase(Locale.ROOT))
              .setDescription(counter.text())
              .buildWithCallback(measurement -> measurement.record(count.sum()));
    });
  }

  /** Has a present value exported. */
  public static void gauge(Meter meter, String name, String text, LongSupplier value) {
    var _ =
        meter
            .gaugeBuilder(name)
            .ofLongs()
            .setDescription(text)
            .buildWithCallback(measurement -> measurement.record(value.getAsLong()));
  }
}
