package dev.understudy.evidence.divergence;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Two lists of items, best first, of which each holds an item once (a later repetition is left
 * out).
 *
 * <p>Sources: Webber, Moffat and Zobel, <i>A similarity measure for indefinite rankings</i>, ACM
 * Trans. Inf. Syst. 28(4), 2010, equation 32, for the rank-biased overlap of lists of unequal
 * length, extrapolated; Fagin, Kumar and Sivakumar, <i>Comparing top k lists</i>, SIAM J. Discrete
 * Math. 17(1), 2003, for Kendall's distance of lists that share only some items, with penalty 1/2.
 */
final class Ranking {
  /** How likely a reader is to go on to the next place: the first ten weigh 86 %. */
  private static final double PERSISTENCE = 0.9;

  /** Items of an output that are compared, on either side. */
  private static final int MOST_ITEMS = 1 << 18;

  private final int shared;
  // For each place of one list, the place of its item in the other, or -1.
  private final int[] ab;
  private final int[] ba;

  private Ranking(int shared, int[] ab, int[] ba) {
    this.shared = shared;
    this.ab = ab;
    this.ba = ba;
  }

  /** Lists of items that have {@code equals}. */
  static Ranking of(Object[] a, Object[] b) {
    Map<Object, Integer> placesA = places(a);
    Map<Object, Integer> placesB = places(b);
    int[] ab = new int[placesA.size()];
    int[] ba = new int[placesB.size()];
    Arrays.fill(ba, -1);
    int shared = 0;
    for (Map.Entry<Object, Integer> entry : placesA.entrySet()) {
      int inB = placesB.getOrDefault(entry.getKey(), -1);
      ab[entry.getValue()] = inB;
      if (inB >= 0) {
        ba[inB] = entry.getValue();
        shared++;
      }
    }
    return new Ranking(shared, ab, ba);
  }

  /** Whether two outputs have the same lists, of whatever lengths. */
  static boolean sameBatch(Tensor a, Tensor b) {
    if (a.rank() != b.rank()) {
      return false;
    }
    for (int i = 0; i < a.rank() - 1; i++) {
      if (a.dimension(i) != b.dimension(i)) {
        return false;
      }
    }
    return true;
  }

  /** Whether two outputs of the same batch have no more lists than are compared. */
  static boolean readable(Tensor a, Tensor b) {
    return a.elements() + b.elements() == 0 || lists(a) <= MOST_ITEMS;
  }

  /** Places that count when so many lists are compared: no output costs more than its share. */
  static int depth(int lists, int declared) {
    return Math.clamp(MOST_ITEMS / lists, 1, declared);
  }

  /** Lists of an output with elements, or of the same batch as one: all dimensions but the last. */
  static int lists(Tensor tensor) {
    int lists = 1;
    for (int i = 0; i < tensor.rank() - 1; i++) {
      lists *= (int) tensor.dimension(i);
    }
    return lists;
  }

  /** The first items of a list. */
  static Object[] items(Tensor tensor, int list, int depth) {
    int length = tensor.rank() == 0 ? 1 : (int) tensor.dimension(tensor.rank() - 1);
    Object[] items = new Object[Math.min(length, depth)];
    for (int i = 0; i < items.length; i++) {
      items[i] = tensor.item(list * length + i);
    }
    return items;
  }

  private static Map<Object, Integer> places(Object[] items) {
    Map<Object, Integer> places = HashMap.newHashMap(items.length);
    for (Object item : items) {
      places.putIfAbsent(item, places.size());
    }
    return places;
  }

  /** 1 less the rank-biased overlap with p = 0.9, extrapolated: 0 to 1. */
  double rankBiased() {
    int[] small = ab.length <= ba.length ? ab : ba;
    int[] large = ab.length <= ba.length ? ba : ab;
    int s = small.length;
    int l = large.length;
    if (s == 0) {
      return l == 0 ? 0 : 1;
    }
    double sum = 0;
    double weight = 1;
    int overlap = 0;
    int overlapAtS = 0;
    for (int d = 1; d <= l; d++) {
      weight *= PERSISTENCE;
      // Items that are within the first d of both: those whose later place is d.
      if (d <= s && small[d - 1] >= 0 && small[d - 1] < d - 1) {
        overlap++;
      }
      if (large[d - 1] >= 0 && large[d - 1] <= d - 1) {
        overlap++;
      }
      if (d == s) {
        overlapAtS = overlap;
      }
      sum += (double) overlap / d * weight;
      if (d > s) {
        sum += (double) overlapAtS * (d - s) / ((double) s * d) * weight;
      }
    }
    double overlapExtrapolated =
        (1 - PERSISTENCE) / PERSISTENCE * sum
            + ((double) (overlap - overlapAtS) / l + (double) overlapAtS / s) * weight;
    return 1 - overlapExtrapolated;
  }

  /**
   * The share of the pairs of items of either list on whose order they disagree: 0 to 1. An item
   * that a list lacks stands behind all that it holds; a pair of which a list holds neither counts
   * one half.
   */
  double kendall() {
    long onlyA = (long) ab.length - shared;
    long onlyB = (long) ba.length - shared;
    long items = shared + onlyA + onlyB;
    if (items < 2) {
      return 0;
    }
    double disagree =
        (double) inversions()
            + missingBefore(ab)
            + missingBefore(ba)
            + (double) onlyA * onlyB
            + 0.5 * (pairs(onlyA) + pairs(onlyB));
    return disagree / pairs(items);
  }

  private static double pairs(long n) {
    return (double) n * (n - 1) / 2;
  }

  /** Pairs of which the other list lacks the better one and holds the worse one. */
  private static long missingBefore(int[] places) {
    long missing = 0;
    long pairs = 0;
    for (int place : places) {
      if (place < 0) {
        missing++;
      } else {
        pairs += missing;
      }
    }
    return pairs;
  }

  /** Pairs of shared items in another order, counted by a tree of partial sums (Fenwick). */
  private long inversions() {
    int[] tree = new int[ba.length + 1];
    long inversions = 0;
    int seen = 0;
    for (int place : ab) {
      if (place < 0) {
        continue;
      }
      int notAfter = 0;
      for (int i = place + 1; i > 0; i -= i & -i) {
        notAfter += tree[i];
      }
      inversions += seen - notAfter;
      for (int i = place + 1; i < tree.length; i += i & -i) {
        tree[i]++;
      }
      seen++;
    }
    return inversions;
  }
}
