package dev.understudy.router.record;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.proto.v1.LatencyCounts;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Counts on the latency grid that only grow, and what they have grown by since the last look. Any
 * thread records; one thread looks.
 */
final class Latencies {
  private final AtomicLongArray counts = new AtomicLongArray(LatencyGrid.SIZE);
  private final long[] seen = new long[LatencyGrid.SIZE];

  void record(long nanos) {
    counts.incrementAndGet(LatencyGrid.index(Math.max(0, nanos)));
  }

  LatencyCounts growth() {
    LatencyCounts.Builder growth = LatencyCounts.newBuilder();
    for (int i = 0; i < seen.length; i++) {
      long now = counts.get(i);
      if (now != seen[i]) {
        growth.addIndex(i).addCount(now - seen[i]);
        seen[i] = now;
      }
    }
    return growth.build();
  }
}
