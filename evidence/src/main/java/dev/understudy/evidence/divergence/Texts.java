package dev.understudy.evidence.divergence;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Normalised edit distance of texts, on code points. What a hostile answer can cost is bounded by
 * the number of texts alone: of each, only so many code points are compared that {@value
 * #MOST_STEPS} steps of {@link EditDistance} suffice for the whole output, at most {@value
 * #MOST_POINTS} and at least {@value #LEAST_POINTS}. That is at most some milliseconds, and {@value
 * #LEAST_POINTS} steps for each further text.
 */
final class Texts {
  /** Code points of one text that are compared. */
  static final int MOST_POINTS = 4_096;

  private static final int LEAST_POINTS = 64;
  private static final int MOST_STEPS = 1 << 20;
  private static final int WORD = 64;
  private static final int MOST_BYTES_OF_POINT = 4;

  private Texts() {}

  /** Code points that are compared of each of so many texts. */
  static int points(int texts) {
    int points = (int) Math.sqrt((double) WORD * MOST_STEPS / Math.max(1, texts));
    return Math.clamp(points, LEAST_POINTS, MOST_POINTS);
  }

  /**
   * Edits by the longer text's length. Texts that differ where they are not compared, or in bytes
   * that are no text, are one unit of the grid apart.
   *
   * @param points code points that are compared
   */
  static double distance(ByteBuffer a, ByteBuffer b, int points) {
    if (a.equals(b)) {
      return 0;
    }
    int[] first = decode(a, points);
    int[] second = decode(b, points);
    int longer = Math.max(first.length, second.length);
    double distance = longer == 0 ? 0 : (double) EditDistance.of(first, second) / longer;
    return Math.max(distance, 1.0 / OutputMeasures.UNITS);
  }

  private static int[] decode(ByteBuffer utf8, int points) {
    // A point has at most four bytes; the cut may only spoil what is beyond the points compared.
    byte[] bytes = new byte[Math.min(utf8.remaining(), (points + 1) * MOST_BYTES_OF_POINT)];
    utf8.get(utf8.position(), bytes);
    return new String(bytes, StandardCharsets.UTF_8).codePoints().limit(points).toArray();
  }
}
