package dev.understudy.evidence.divergence;

import java.util.Arrays;

/**
 * Levenshtein's distance of two sequences of code points, 64 cells of a column at a time.
 *
 * <p>Source: Myers, <i>A fast bit-vector algorithm for approximate string matching based on dynamic
 * programming</i>, J. ACM 46(3), 1999, in the form of Hyyr&ouml;, <i>A bit-vector algorithm for
 * computing Levenshtein and Damerau edit distances</i>, Nordic J. Computing 10, 2003. The matrix is
 * cut into strips of 64 rows; the differences along the lower edge of a strip are what the next
 * strip takes in. The time is {@code ceil(m / 64) * n} steps of some twenty instructions whatever
 * the texts say, room is linear.
 */
final class EditDistance {
  private static final int WORD = 64;

  private EditDistance() {}

  /** Insertions, deletions and replacements that make one of the other; 0 to the longer length. */
  static int of(int[] a, int[] b) {
    int start = 0;
    int shorter = Math.min(a.length, b.length);
    while (start < shorter && a[start] == b[start]) {
      start++;
    }
    int endA = a.length;
    int endB = b.length;
    while (endA > start && endB > start && a[endA - 1] == b[endB - 1]) {
      endA--;
      endB--;
    }
    int m = endA - start;
    int n = endB - start;
    if (m == 0 || n == 0) {
      return Math.max(m, n);
    }
    int[] symbols = Arrays.copyOfRange(a, start, endA);
    Arrays.sort(symbols);
    int[] pattern = ranks(symbols, a, start, m);
    int[] text = ranks(symbols, b, start, n);
    return strips(pattern, text);
  }

  /** Each code point's place among the pattern's; those that it lacks share one more. */
  private static int[] ranks(int[] sorted, int[] points, int start, int count) {
    int[] ranks = new int[count];
    for (int i = 0; i < count; i++) {
      int at = Arrays.binarySearch(sorted, points[start + i]);
      // Any of several equal entries may be found, but always the same one.
      ranks[i] = at < 0 ? sorted.length : at;
    }
    return ranks;
  }

  private static int strips(int[] pattern, int[] text) {
    int m = pattern.length;
    long[] matches = new long[m + 1];
    byte[] edge = new byte[text.length];
    Arrays.fill(edge, (byte) 1);
    for (int from = 0; from < m; from += WORD) {
      int height = Math.min(WORD, m - from);
      for (int i = 0; i < height; i++) {
        matches[pattern[from + i]] |= 1L << i;
      }
      strip(matches, text, edge, 1L << (height - 1));
      for (int i = 0; i < height; i++) {
        matches[pattern[from + i]] = 0;
      }
    }
    int distance = m;
    for (byte step : edge) {
      distance += step;
    }
    return distance;
  }

  /** One strip: the differences along its upper edge become those along its lower one. */
  private static void strip(long[] matches, int[] text, byte[] edge, long last) {
    long plus = -1;
    long minus = 0;
    for (int j = 0; j < text.length; j++) {
      int in = edge[j];
      long equal = matches[text[j]];
      long vertical = equal | minus;
      equal |= in < 0 ? 1 : 0;
      long horizontal = (((equal & plus) + plus) ^ plus) | equal;
      long up = minus | ~(horizontal | plus);
      long down = plus & horizontal;
      int out = (up & last) != 0 ? 1 : 0;
      out -= (down & last) != 0 ? 1 : 0;
      up = (up << 1) | (in > 0 ? 1 : 0);
      down = (down << 1) | (in < 0 ? 1 : 0);
      plus = down | ~(vertical | up);
      minus = up & vertical;
      edge[j] = (byte) out;
    }
  }
}
