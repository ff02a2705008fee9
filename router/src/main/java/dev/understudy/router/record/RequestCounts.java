package dev.understudy.router.record;

import dev.understudy.proto.v1.Role;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * Calls that were assigned, by what their callers were told: by model, the arm that answered, and
 * gRPC status. Telemetry, not evidence; models are those of the routing table, so the series are
 * few, and bounded all the same. Any thread.
 */
public final class RequestCounts {
  private static final int MAX_SERIES = 4096;

  private record Series(String model, Role role, String status) {}

  /** Reads one count. */
  @FunctionalInterface
  public interface Reader {
    /** Gets the calls of one model, arm and status. */
    void read(String model, Role role, String status, long calls);
  }

  private final ConcurrentHashMap<Series, LongAdder> counts = new ConcurrentHashMap<>();

  /** Counts of a router that has answered nothing. */
  public RequestCounts() {}

  /** A call has ended. The status is gRPC's, {@code OK} say. */
  public void count(String model, Role role, String status) {
    Series series = new Series(model, role, status);
    LongAdder count = counts.get(series);
    if (count == null) {
      if (counts.size() >= MAX_SERIES) {
        return;
      }
      count = counts.computeIfAbsent(series, key -> new LongAdder());
    }
    count.increment();
  }

  /** Reads every count. */
  public void read(Reader reader) {
    counts.forEach((series, count) ->
        reader.read(series.model(), series.role(), series.status(), count.sum()));
  }
}
