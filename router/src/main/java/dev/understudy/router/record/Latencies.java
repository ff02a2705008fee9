package dev.understudy.router.record;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.proto.v1.LatencyCounts;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Counts on the latency grid that only grow, and what they have grown by since the last look. Any
 * thread records, without locks; one thread looks.
 *
 * <p>The grid is wide and a model's latencies are not: buckets are held in pages of about one
 * octave, which are made when first hit, so that a slice costs a few kilobytes and not 55.
 */
final class Latencies {
  private static final int PAGE_BITS = 7;
  private static final int PAGE = 1 << PAGE_BITS;

  private final AtomicReferenceArray<Page> pages =
      new AtomicReferenceArray<>((LatencyGrid.SIZE + PAGE - 1) / PAGE);

  private static final class Page {
    final AtomicLongArray counts = new AtomicLongArray(PAGE);
    final long[] seen = new long[PAGE];
  }

  void record(long nanos) {
    int index = LatencyGrid.index(Math.max(0, nanos));
    int at = index >>> PAGE_BITS;
    Page page = pages.get(at);
    (page != null ? page : made(at)).counts.incrementAndGet(index & (PAGE - 1));
  }

  private Page made(int at) {
    Page page = new Page();
    Page other = pages.compareAndExchange(at, null, page);
    return other != null ? other : page;
  }

  LatencyCounts growth() {
    LatencyCounts.Builder growth = LatencyCounts.newBuilder();
    for (int at = 0; at < pages.length(); at++) {
      Page page = pages.get(at);
      for (int i = 0; page != null && i < PAGE; i++) {
        long now = page.counts.get(i);
        if (now != page.seen[i]) {
          growth.addIndex((at << PAGE_BITS) + i).addCount(now - page.seen[i]);
          page.seen[i] = now;
        }
      }
    }
    return growth.build();
  }
}
