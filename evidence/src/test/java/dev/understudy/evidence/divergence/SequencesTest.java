package dev.understudy.evidence.divergence;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.Measure;
import dev.understudy.proto.v1.OutputKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Rankings and texts. */
final class SequencesTest {
  private static Ranking ranking(Object[] a, Object[] b) {
    return Ranking.of(a, b);
  }

  private static OutputMeasures compare(OutputKind kind, Tensor a, Tensor b) {
    OutputMeasures measures = new OutputMeasures();
    new Comparer().compare(OutputPlan.of(kind), a, b, measures);
    return measures;
  }

  private static Tensor ids(long[] shape, long... values) {
    ByteBuffer data = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (long value : values) {
      data.putLong(value);
    }
    return Tensor.of("INT64", shape, data.flip());
  }

  @Test
  void rankBiasedOverlapFollowsItsDefinition() {
    // Lists a b c and b a c: overlaps 0, 2, 3 of 1, 2, 3. By hand, p = 0.9:
    // (1-p)/p (0 + p^2 + p^3) + p^3 = 0.1/0.9 (0.81 + 0.729) + 0.729 = 0.9.
    assertEquals(
        0.1,
        ranking(new Object[] {"a", "b", "c"}, new Object[] {"b", "a", "c"}).rankBiased(),
        1e-12);
    // Unequal lengths: a against a b, X = 1, 1 with s = 1, l = 2:
    // 0.1/0.9 (0.9 + 0.81/2 + 1*1/(1*2) 0.81) + (0 + 1) 0.81 = 1: all that the shorter knows
    // agrees.
    assertEquals(0, ranking(new Object[] {"a"}, new Object[] {"a", "b"}).rankBiased(), 1e-12);
    assertEquals(1, ranking(new Object[] {"a"}, new Object[] {"b", "c"}).rankBiased(), 1e-12);
    assertEquals(1, ranking(new Object[0], new Object[] {"b"}).rankBiased(), 1e-12);
    assertEquals(0, ranking(new Object[0], new Object[0]).rankBiased(), 1e-12);
  }

  /** Against the definitions, pair by pair and depth by depth. */
  @Test
  void bothMeasuresAgreeWithPlainLoops() {
    SplittableRandom random = new SplittableRandom(5);
    for (int round = 0; round < 500; round++) {
      int length = 1 + random.nextInt(12);
      Integer[] a = draw(random, length);
      Integer[] b = draw(random, length);
      Ranking ranking = ranking(a, b);
      assertEquals(1 - overlap(List.of(a), List.of(b)), ranking.rankBiased(), 1e-12);
      assertEquals(disagreement(List.of(a), List.of(b)), ranking.kendall(), 1e-12);
      Ranking back = ranking(b, a);
      assertEquals(back.rankBiased(), ranking.rankBiased(), 1e-12);
      assertEquals(back.kendall(), ranking.kendall(), 1e-12);
      assertEquals(0, ranking(a, a).rankBiased(), 1e-12);
      assertEquals(0, ranking(a, a).kendall());
      Integer[] longer = draw(random, 12);
      assertTrue(ranking(a, longer).rankBiased() > -1e-12);
      assertTrue(ranking(a, longer).rankBiased() < 1 + 1e-12);
      assertEquals(disagreement(List.of(a), List.of(longer)), ranking(a, longer).kendall(), 1e-12);
    }
  }

  private static Integer[] draw(SplittableRandom random, int length) {
    Set<Integer> items = new LinkedHashSet<>();
    while (items.size() < length) {
      items.add(random.nextInt(16));
    }
    return items.toArray(new Integer[0]);
  }

  private static double overlap(List<Integer> a, List<Integer> b) {
    double sum = 0;
    double share = 0;
    for (int d = 1; d <= a.size(); d++) {
      Set<Integer> both = new HashSet<>(a.subList(0, d));
      both.retainAll(b.subList(0, d));
      share = (double) both.size() / d;
      sum += share * Math.pow(0.9, d - 1);
    }
    return 0.1 * sum + share * Math.pow(0.9, a.size());
  }

  private static double disagreement(List<Integer> a, List<Integer> b) {
    List<Integer> all = new ArrayList<>(new LinkedHashSet<>(a));
    b.stream().filter(item -> !a.contains(item)).forEach(all::add);
    double sum = 0;
    int pairs = 0;
    for (int i = 0; i < all.size(); i++) {
      for (int j = i + 1; j < all.size(); j++) {
        int inA = order(a, all.get(i), all.get(j));
        int inB = order(b, all.get(i), all.get(j));
        sum += inA == 0 || inB == 0 ? 0.5 : inA == inB ? 0 : 1;
        pairs++;
      }
    }
    return pairs == 0 ? 0 : sum / pairs;
  }

  /** -1: i before j; 1: after; 0: the list holds neither. */
  private static int order(List<Integer> list, Integer i, Integer j) {
    int first = list.contains(i) ? list.indexOf(i) : Integer.MAX_VALUE;
    int second = list.contains(j) ? list.indexOf(j) : Integer.MAX_VALUE;
    return Integer.compare(first, second);
  }

  @Test
  void rankingsMayHaveAnyLengthAndAreCutToTheirDepth() {
    assertEquals(
        0,
        compare(OutputKind.RANKING, ids(new long[] {2}, 1, 2), ids(new long[] {3}, 1, 2, 3))
            .meanUnits());
    OutputMeasures batch =
        compare(
            OutputKind.RANKING,
            ids(new long[] {2, 2}, 1, 2, 3, 4),
            ids(new long[] {2, 2}, 1, 2, 4, 3));
    assertEquals(0, batch.units(0));
    assertEquals(Math.round(0.1 * 1024), batch.units(1)); // 1 - (0.1/0.9 0.81 + 0.81)
    assertEquals(512, batch.meanUnits(Measure.KENDALL));
    assertEquals(
        Flag.SHAPE_MISMATCH,
        compare(OutputKind.RANKING, ids(new long[] {1, 2}, 1, 2), ids(new long[] {2, 1}, 1, 2))
            .flag(0));
    OutputMeasures cut = new OutputMeasures();
    new Comparer()
        .compare(
            new OutputPlan(OutputKind.RANKING, Tolerance.FP32, 5, 1),
            ids(new long[] {2}, 1, 2),
            ids(new long[] {2}, 1, 3),
            cut);
    assertEquals(0, cut.meanUnits());
    assertEquals(
        0,
        compare(OutputKind.RANKING, Bytes.strings("x", "y"), Bytes.strings("x", "y")).meanUnits());
  }

  @Test
  void editDistanceAgreesWithThePlainMatrix() {
    SplittableRandom random = new SplittableRandom(6);
    for (int round = 0; round < 400; round++) {
      int[] a = random.ints(random.nextInt(200), 0, 1 + random.nextInt(5)).toArray();
      int[] b = random.ints(random.nextInt(200), 0, 1 + random.nextInt(5)).toArray();
      assertEquals(matrix(a, b), EditDistance.of(a, b));
      assertEquals(EditDistance.of(b, a), EditDistance.of(a, b));
    }
    int[] kitten = "kitten".codePoints().toArray();
    assertEquals(3, EditDistance.of(kitten, "sitting".codePoints().toArray()));
  }

  private static int matrix(int[] a, int[] b) {
    int[] row = IntStream.rangeClosed(0, b.length).toArray();
    for (int i = 1; i <= a.length; i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length; j++) {
        int above = row[j];
        int replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
        row[j] = Math.min(replaced, Math.min(above, row[j - 1]) + 1);
        diagonal = above;
      }
    }
    return row[b.length];
  }

  @Test
  void textsAreComparedByCodePoints() {
    assertEquals(
        List.of(0, 256, 1024),
        units(
            compare(
                OutputKind.TEXT,
                Bytes.strings("", "a\uD83D\uDE00cd", "abc"),
                Bytes.strings("", "a\uD83D\uDE01cd", "xyz"))));
    // What one side does not say is empty.
    assertEquals(
        List.of(0, 1024),
        units(compare(OutputKind.TEXT, Bytes.strings("a"), Bytes.strings("a", "b"))));
    // Several elements of a row are one text, as when tokens are answered.
    assertEquals(
        List.of(0),
        units(compare(OutputKind.TEXT, tokens("un", "likely"), tokens("unlike", "ly", ""))));
  }

  private static Tensor tokens(String... parts) {
    ByteBuffer data = ByteBuffer.allocate(100).order(ByteOrder.LITTLE_ENDIAN);
    for (String part : parts) {
      byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
      data.putInt(bytes.length).put(bytes);
    }
    return Tensor.of("BYTES", new long[] {1, parts.length}, data.flip());
  }

  private static List<Integer> units(OutputMeasures measures) {
    return IntStream.range(0, measures.rows()).mapToObj(measures::units).toList();
  }

  @Test
  void textsThatDifferOnlyBeyondTheCutAreOneUnitApart() {
    String same = "x".repeat(Texts.MOST_POINTS + 10);
    assertEquals(
        1, compare(OutputKind.TEXT, tokensOf(same + "a"), tokensOf(same + "b")).meanUnits());
    assertEquals(0, compare(OutputKind.TEXT, tokensOf(same), tokensOf(same)).meanUnits());
  }

  private static Tensor tokensOf(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    ByteBuffer data = ByteBuffer.allocate(4 + bytes.length).order(ByteOrder.LITTLE_ENDIAN);
    return Tensor.of("BYTES", new long[] {1}, data.putInt(bytes.length).put(bytes).flip());
  }

  /** The number of steps is what is promised, not a time on some machine. */
  @Test
  void noNumberOfTextsCostsMoreThanItsShare() {
    for (int texts : new int[] {1, 4, 5, 100, 10_000, 1_000_000}) {
      long points = Texts.points(texts);
      assertTrue(points >= 64 && points <= Texts.MOST_POINTS);
      long steps = (points + 63) / 64 * points * texts;
      assertTrue(steps <= (1 << 20) * 1.3 + 64L * texts, texts + " texts: " + steps);
    }
  }
}
