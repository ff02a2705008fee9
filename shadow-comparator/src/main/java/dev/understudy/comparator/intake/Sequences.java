package dev.understudy.comparator.intake;

import java.util.Map;
import java.util.TreeMap;

/** A set of sequence numbers, kept as ranges: nearly all of 1, 2, 3, … takes next to no room. */
final class Sequences {
  private final TreeMap<Long, Long> ranges = new TreeMap<>();

  /** Every number from 1 to this one is in the set; 0 when 1 is not. */
  long through() {
    Map.Entry<Long, Long> first = ranges.firstEntry();
    return first != null && first.getKey() <= 1 ? first.getValue() : 0;
  }

  /** The greatest number in the set; 0 when it is empty. */
  long greatest() {
    return ranges.isEmpty() ? 0 : ranges.lastEntry().getValue();
  }

  boolean contains(long sequence) {
    Map.Entry<Long, Long> at = ranges.floorEntry(sequence);
    return at != null && sequence <= at.getValue();
  }

  /** Adds a number; false when it was there. */
  boolean add(long sequence) {
    if (contains(sequence)) {
      return false;
    }
    addRange(sequence, sequence);
    return true;
  }

  /** Adds 1 to {@code sequence}. */
  void addThrough(long sequence) {
    addRange(1, sequence);
  }

  /** Adds {@code from} to {@code to}, both included; nothing when {@code to} is smaller. */
  void addRange(long from, long to) {
    if (to < from) {
      return;
    }
    long start = from;
    long end = to;
    Map.Entry<Long, Long> before = ranges.floorEntry(from);
    if (before != null && before.getValue() >= from - 1) {
      start = before.getKey();
      end = Math.max(end, before.getValue());
    }
    for (Map.Entry<Long, Long> next = ranges.ceilingEntry(start);
        next != null && next.getKey() <= end + 1;
        next = ranges.ceilingEntry(start)) {
      end = Math.max(end, next.getValue());
      ranges.remove(next.getKey());
    }
    ranges.put(start, end);
  }
}
