package dev.understudy.comparator.intake;

import dev.understudy.proto.v1.EvidenceBlock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Holds the blocks of all routers until a second is complete.
 *
 * <p>A second is let go when every live router has brought a block of that second or a later one,
 * and at the latest when the skew bound has passed since its first block came. Both are measured by
 * this process alone, so that a backlog, which routers resend after an interruption, is joined like
 * live traffic, however old its seconds are. A router is live from its first block until it has
 * been silent for the skew bound and three seconds.
 *
 * <p><b>Routers that come back.</b> After an interruption routers return within some seconds of
 * each other, each with what it has kept. So that their seconds are still joined, nothing is
 * overdue while a router is coming back: one that was known before a restart and has not been
 * heard, or one that was first heard a moment ago, or again after a minute, and brings old seconds.
 * It is given ten seconds for that.
 *
 * <p><b>Clocks that are wrong.</b> A router whose clock is behind makes each second wait for the
 * skew bound, no longer, once its ten seconds are over; its own seconds then come late. A router
 * whose clock is ahead could do worse: once its second is in the log, those of all others would be
 * late. So a block of a second that has not ended by our clock, with the skew bound added, is let
 * go at once and marked as ahead, for it to be logged as late (not judged for latency, counted
 * everywhere else), and its router is not waited for.
 *
 * <p>Pure: time is an argument. Not thread-safe.
 */
final class BlockJoin {
  private static final long SILENCE_NANOS = 3_000_000_000L;
  private static final long RETURN_NANOS = 10_000_000_000L;
  private static final long AWAY_NANOS = 60_000_000_000L;
  private static final long FORGOTTEN_NANOS = 3_600_000_000_000L;
  private static final long OLD_SECONDS = 15;
  private static final long NANOS_PER_MILLI = 1_000_000L;

  /**
   * A second that is complete.
   *
   * @param ahead whether it is one that our clock has not reached
   * @param blocks in {@link BlockMerge#ORDER}
   */
  record Second(long second, boolean ahead, List<EvidenceBlock> blocks) {}

  /** What came of a block. */
  enum Offer {
    /** It waits for its second to be complete. */
    TAKEN,
    /** It is of a second that has not ended yet. */
    AHEAD,
    /** It had come before. */
    DUPLICATE
  }

  private static final class Pending {
    final long firstNanos;
    final List<EvidenceBlock> blocks = new ArrayList<>();

    Pending(long firstNanos) {
      this.firstNanos = firstNanos;
    }
  }

  private static final class Router {
    long sinceNanos;
    long lastNanos;
    long lastSecond = Long.MIN_VALUE;
    boolean old = true;

    Router(long nowNanos) {
      this.sinceNanos = nowNanos;
      this.lastNanos = nowNanos;
    }

    boolean isComingBack(long nowNanos) {
      return old && nowNanos - sinceNanos < RETURN_NANOS;
    }

    boolean isLive(long nowNanos, long silenceNanos) {
      return nowNanos - lastNanos <= silenceNanos || isComingBack(nowNanos);
    }
  }

  private final long skewNanos;
  private final TreeMap<Long, Pending> pending = new TreeMap<>();
  private final TreeMap<Long, Pending> ahead = new TreeMap<>();
  private final Map<Boot, Sequences> received = new HashMap<>();
  private final Map<String, Router> routers = new HashMap<>();
  private long bytes;

  BlockJoin(long skewNanos) {
    this.skewNanos = skewNanos;
  }

  /** A router that is expected to come back after a restart of this process. */
  void expect(String router, long nowNanos) {
    routers.put(router, new Router(nowNanos));
  }

  /** What a boot has been told is safe: it is not taken again. */
  void known(Boot boot, long acknowledged) {
    Sequences sequences = new Sequences();
    sequences.addThrough(acknowledged);
    received.put(boot, sequences);
  }

  /** The greatest sequence that has come from a boot; null for a boot that was never heard of. */
  @Nullable Long greatest(Boot boot) {
    Sequences sequences = received.get(boot);
    return sequences == null ? null : sequences.greatest();
  }

  Offer offer(EvidenceBlock block, long nowNanos, long nowUnixMs) {
    long second = block.getSecond();
    long skewMs = skewNanos / NANOS_PER_MILLI;
    boolean isAhead = second >= Math.floorDiv(nowUnixMs + skewMs, 1000L);
    if (isAhead) {
      routers.remove(block.getRouter());
    } else {
      Router router = routers.computeIfAbsent(block.getRouter(), r -> new Router(nowNanos));
      if (nowNanos - router.lastNanos > AWAY_NANOS) {
        router.sinceNanos = nowNanos;
        router.lastSecond = Long.MIN_VALUE;
      }
      router.lastNanos = nowNanos;
      router.lastSecond = Math.max(router.lastSecond, second);
      router.old = router.lastSecond < Math.floorDiv(nowUnixMs - skewMs, 1000L) - OLD_SECONDS;
    }
    if (!received.computeIfAbsent(Boot.of(block), b -> new Sequences()).add(block.getSequence())) {
      return Offer.DUPLICATE;
    }
    (isAhead ? ahead : pending)
        .computeIfAbsent(second, s -> new Pending(nowNanos))
        .blocks
        .add(block);
    bytes += block.getSerializedSize();
    return isAhead ? Offer.AHEAD : Offer.TAKEN;
  }

  /** Bytes of the blocks that wait. */
  long bytes() {
    return bytes;
  }

  /** Takes the seconds that are complete, ascending, and then those that are ahead. */
  List<Second> take(long nowNanos) {
    routers.values().removeIf(router -> nowNanos - router.lastNanos > FORGOTTEN_NANOS);
    long watermark = Long.MAX_VALUE;
    long patienceNanos = skewNanos;
    for (Router router : routers.values()) {
      if (router.isLive(nowNanos, skewNanos + SILENCE_NANOS)) {
        watermark = Math.min(watermark, router.lastSecond);
      }
      if (router.isComingBack(nowNanos)) {
        patienceNanos = Math.max(skewNanos, RETURN_NANOS);
      }
    }
    // An older second never waits for a younger one.
    long overdue = Long.MIN_VALUE;
    for (Map.Entry<Long, Pending> entry : pending.entrySet()) {
      if (nowNanos - entry.getValue().firstNanos >= patienceNanos) {
        overdue = entry.getKey();
      }
    }
    List<Second> taken = new ArrayList<>();
    take(pending, Math.max(watermark, overdue), false, taken);
    take(ahead, Long.MAX_VALUE, true, taken);
    return taken;
  }

  private void take(SortedMap<Long, Pending> from, long upTo, boolean isAhead, List<Second> into) {
    Iterator<Map.Entry<Long, Pending>> entries = from.entrySet().iterator();
    while (entries.hasNext()) {
      Map.Entry<Long, Pending> entry = entries.next();
      if (entry.getKey() > upTo) {
        break;
      }
      entries.remove();
      List<EvidenceBlock> blocks = entry.getValue().blocks;
      blocks.sort(BlockMerge.ORDER);
      blocks.forEach(block -> bytes -= block.getSerializedSize());
      into.add(new Second(entry.getKey(), isAhead, blocks));
    }
  }

  /** Forgets every block that waits, and what was received. */
  void clear() {
    pending.clear();
    ahead.clear();
    received.clear();
    bytes = 0;
  }
}
