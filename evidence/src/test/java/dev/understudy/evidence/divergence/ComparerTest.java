package dev.understudy.evidence.divergence;

import static dev.understudy.evidence.divergence.Bytes.row;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.Measure;
import dev.understudy.proto.v1.OutputKind;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class ComparerTest {
  private static final List<Measure> ON_PROBABILITIES =
      List.of(
          Measure.TOTAL_VARIATION,
          Measure.JENSEN_SHANNON,
          Measure.SQUARED_HELLINGER,
          Measure.TOP_ONE);

  private final Comparer comparer = new Comparer();

  private OutputMeasures compare(OutputPlan plan, Tensor a, Tensor b) {
    OutputMeasures measures = new OutputMeasures();
    comparer.compare(plan, a, b, measures);
    return measures;
  }

  private OutputMeasures compare(OutputKind kind, Tensor a, Tensor b) {
    return compare(OutputPlan.of(kind), a, b);
  }

  private OutputMeasures probabilities(Tensor a, Tensor b) {
    return compare(OutputKind.PROBABILITIES, a, b);
  }

  private static List<Integer> units(OutputMeasures measures) {
    return IntStream.range(0, measures.rows()).mapToObj(measures::units).toList();
  }

  private static long grid(double value) {
    return Math.round(value * OutputMeasures.UNITS);
  }

  private static void assertFlag(Flag flag, int units, OutputMeasures measures) {
    assertEquals(1, measures.rows());
    assertEquals(flag, measures.flag(0));
    assertEquals(units, measures.units(0));
    assertEquals(flag.isEvidence() ? units : -1, measures.meanUnits());
  }

  @Test
  void probabilitiesFollowTheTextbook() {
    OutputMeasures measures = probabilities(row(.5, .5, 0), row(.1, .4, .5));
    assertEquals(grid(.5), measures.meanUnits());
    assertEquals(grid(.5), measures.meanUnits(Measure.TOTAL_VARIATION));
    // scipy.spatial.distance.jensenshannon(p, q, 2) ** 2
    assertEquals(grid(0.3590), measures.meanUnits(Measure.JENSEN_SHANNON));
    assertEquals(
        grid(1 - Math.sqrt(.05) - Math.sqrt(.2)), measures.meanUnits(Measure.SQUARED_HELLINGER));
    assertEquals(1024, measures.meanUnits(Measure.TOP_ONE));
    // The two likeliest: {0, 1} and {2, 1}.
    assertEquals(512, measures.meanUnits(Measure.TOP_K));
    assertEquals(.5, measures.maxAbs(), 1e-7);
    assertEquals(Double.POSITIVE_INFINITY, measures.maxRel());
    OutputMeasures apart = probabilities(row(1, 0), row(0, 1));
    ON_PROBABILITIES.forEach(measure -> assertEquals(1024, apart.meanUnits(measure)));
  }

  @Test
  void oneColumnIsTheProbabilityOfYes() {
    OutputMeasures measures = probabilities(row(.2), row(.5));
    assertEquals(grid(.3), measures.meanUnits());
    assertEquals(1024, measures.meanUnits(Measure.TOP_ONE));
    OutputMeasures two = probabilities(row(.8, .2), row(.5, .5));
    assertEquals(two.meanUnits(Measure.JENSEN_SHANNON), measures.meanUnits(Measure.JENSEN_SHANNON));
    assertEquals(
        two.meanUnits(Measure.SQUARED_HELLINGER), measures.meanUnits(Measure.SQUARED_HELLINGER));
    assertFlag(Flag.COPY_INVALID, 1024, probabilities(row(.2), row(1.2)));
    assertTrue(probabilities(row(.2), row(Double.NaN)).onlyCopyNotFinite());
  }

  @Test
  void theFirstOfEqualClassesWins() {
    assertEquals(0, probabilities(row(.4, .4, .2), row(.4, .3, .3)).meanUnits(Measure.TOP_ONE));
    assertEquals(1024, probabilities(row(.4, .4, .2), row(.3, .4, .3)).meanUnits(Measure.TOP_ONE));
  }

  @Test
  void agreementOfTheLikeliestKIsMeasured() {
    OutputPlan three = new OutputPlan(OutputKind.PROBABILITIES, Tolerance.FP32, 3, 1);
    OutputMeasures measures = compare(three, row(.4, .3, .2, .06, .04), row(.4, .06, .04, .3, .2));
    assertEquals(grid(2 / 3.0), measures.meanUnits(Measure.TOP_K));
    assertEquals(0, measures.meanUnits(Measure.TOP_ONE));
  }

  @Test
  void rowsThatAreNoDistributionAreToldApartByWhoGaveThem() {
    Tensor good = row(.5, .5);
    Tensor logits = row(3, -2);
    assertFlag(Flag.COPY_INVALID, 1024, probabilities(good, logits));
    assertFlag(Flag.CHAMPION_INVALID, 1024, probabilities(logits, good));
    assertFlag(Flag.BOTH_INVALID, 0, probabilities(logits, logits));
    assertFlag(Flag.COPY_INVALID, 1024, probabilities(good, row(.1, .2)));
    assertFlag(Flag.COPY_INVALID, 1024, probabilities(row(.5, .5, 0), row(.6, .5, -.1)));
    assertEquals(0, probabilities(good, row(.499, .499)).meanUnits(Measure.TOP_ONE));
  }

  @Test
  void nanOnOneSideIsTheFarthest() {
    for (OutputKind kind :
        List.of(
            OutputKind.PROBABILITIES,
            OutputKind.LABELS,
            OutputKind.REGRESSION,
            OutputKind.LOGITS,
            OutputKind.EMBEDDINGS)) {
      OutputMeasures measures = compare(kind, row(.5, .5), row(Double.NaN, .5));
      assertFlag(Flag.COPY_INVALID, 1024, measures);
      assertTrue(measures.onlyCopyNotFinite(), kind.toString());
      OutputMeasures other = compare(kind, row(Double.NaN, .5), row(.5, .5));
      assertFlag(Flag.CHAMPION_INVALID, 1024, other);
      assertFalse(other.onlyCopyNotFinite());
      assertFlag(Flag.BOTH_INVALID, 0, compare(kind, row(Double.NaN), row(Double.NaN)));
    }
  }

  @Test
  void regressionCountsInTolerances() {
    OutputPlan plan = OutputPlan.of(OutputKind.REGRESSION).withTolerance(new Tolerance(.1, .1, 10));
    OutputMeasures measures = compare(plan, row(10, 1), row(12.2, 1));
    assertEquals(grid(.2), measures.meanUnits()); // 2.2 / (0.1 + 1) / 10
    assertEquals(2.2, measures.maxAbs(), 1e-6);
    assertEquals(.22, measures.maxRel(), 1e-6);
    assertEquals(1024, compare(plan, row(0), row(1e30)).meanUnits());
    double inf = Double.POSITIVE_INFINITY;
    assertEquals(0, compare(plan, row(inf, 1), row(inf, 1)).meanUnits());
    assertEquals(1024, compare(plan, row(inf), row(-inf)).meanUnits());
    OutputMeasures infinite = compare(plan, row(1), row(inf));
    assertEquals(1024, infinite.meanUnits());
    assertTrue(infinite.onlyCopyNotFinite());
    OutputPlan exact = plan.withTolerance(new Tolerance(0, 0, 1));
    assertEquals(0, compare(exact, row(0), row(-0.0)).meanUnits());
    assertEquals(1024, compare(exact, row(0), row(1e-30)).meanUnits());
    assertThrows(IllegalArgumentException.class, () -> new Tolerance(Double.NaN, 0, 10));
  }

  @Test
  void logitsAreAlsoComparedByTheirLikeliestClass() {
    OutputMeasures measures = compare(OutputKind.LOGITS, row(3, -2, 1), row(3, -2, 3.5));
    assertEquals(1024, measures.meanUnits());
    assertEquals(1024, measures.meanUnits(Measure.TOP_ONE));
    double inf = Double.POSITIVE_INFINITY;
    OutputMeasures masked = compare(OutputKind.LOGITS, row(3, -inf), row(3, -inf));
    assertEquals(0, masked.meanUnits());
    assertEquals(0, masked.meanUnits(Measure.TOP_ONE));
    assertFalse(masked.onlyCopyNotFinite());
  }

  @Test
  void ulpsCountNeighbours() {
    assertEquals(1, ulps(row(1), row(Math.nextUp(1f))));
    assertEquals(2, ulps(row(Float.MIN_VALUE), row(-Float.MIN_VALUE)));
    assertEquals(1, ulps(Bytes.fp64(1), Bytes.fp64(Math.nextDown(1.0))));
    assertEquals(Long.MAX_VALUE, ulps(Bytes.fp64(Double.MAX_VALUE), Bytes.fp64(-Double.MAX_VALUE)));
    assertEquals(1024, ulps(Bytes.half("FP16", 1), Bytes.half("FP16", 2)));
    assertEquals(128, ulps(Bytes.half("BF16", 1), Bytes.half("BF16", 2)));
  }

  private long ulps(Tensor a, Tensor b) {
    return compare(OutputKind.REGRESSION, a, b).maxUlp();
  }

  @Test
  void labelsAndBytesAreTheSameOrNot() {
    assertEquals(
        List.of(0, 1024), units(compare(OutputKind.LABELS, Bytes.int64(7, 1), Bytes.int64(7, 2))));
    // Beyond what a double can tell apart.
    assertEquals(
        List.of(1024),
        units(compare(OutputKind.LABELS, Bytes.int64(1L << 60), Bytes.int64((1L << 60) + 1))));
    OutputMeasures measures =
        compare(
            OutputKind.OUTPUT_KIND_UNSPECIFIED,
            Bytes.strings("fraud", "", "ok"),
            Bytes.strings("fraud", "x", "no"));
    assertEquals(List.of(0, 1024, 1024), units(measures));
    assertEquals(grid(2 / 3.0), measures.meanUnits(Measure.DIFFERENT));
    OutputMeasures mixed = compare(OutputKind.LABELS, Bytes.strings("1"), Bytes.int64(1));
    assertFlag(Flag.DATATYPE_MISMATCH, 1024, mixed);
    assertTrue(mixed.otherShape());
    assertFlag(
        Flag.NOT_COMPARABLE,
        0,
        compare(OutputKind.EMBEDDINGS, Bytes.strings("1"), Bytes.strings("2")));
    assertFlag(Flag.NOT_COMPARABLE, 0, compare(OutputKind.TEXT, Bytes.int64(1), Bytes.int64(1)));
  }

  @Test
  void embeddingsAreComparedByAngle() {
    assertEquals(0, angle(row(1, 2, 3), row(2, 4, 6)));
    assertEquals(1024, angle(row(1, 2), row(-1, -2)));
    assertEquals(512, angle(row(1, 0), row(0, 1)));
    assertEquals(0, angle(row(1e38, 1e38), row(1e-38, 1e-38)));
    // Squares beyond the range of doubles.
    assertEquals(0, angle(Bytes.fp64(1e300, 1e300), Bytes.fp64(1e-300, 1e-300)));
    assertFlag(Flag.COPY_INVALID, 1024, compare(OutputKind.EMBEDDINGS, row(1, 0), row(0, 0)));
  }

  private int angle(Tensor a, Tensor b) {
    return compare(OutputKind.EMBEDDINGS, a, b).meanUnits();
  }

  @Test
  void whatIsNotDeclaredIsInferredFromTheChampion() {
    OutputKind open = OutputKind.OUTPUT_KIND_UNSPECIFIED;
    assertEquals(OutputKind.PROBABILITIES, compare(open, row(.2, .8), row(3, 4)).kind());
    assertEquals(OutputKind.REGRESSION, compare(open, row(.2, .9), row(.2, .8)).kind());
    assertEquals(OutputKind.REGRESSION, compare(open, row(.2), row(.2)).kind());
    assertEquals(OutputKind.LABELS, compare(open, Bytes.int64(1), Bytes.int64(1)).kind());
    assertEquals(OutputKind.LABELS, compare(open, Bytes.strings("a"), row(1)).kind());
    long[] shape = {2, 2};
    assertEquals(
        OutputKind.REGRESSION,
        compare(open, Bytes.fp32(shape, 0, 1, 1, 1), Bytes.fp32(shape, 0, 1, 1, 1)).kind());
  }

  @Test
  void batchesAreMeasuredRowByRow() {
    long[] shape = {3, 2};
    OutputMeasures measures =
        probabilities(
            Bytes.fp32(shape, .9, .1, .4, .6, .5, .5),
            Bytes.fp32(shape, .9, .1, .6, .4, Double.NaN, 0));
    assertEquals(List.of(0, 205, 1024), units(measures));
    assertEquals(grid(1229 / 3.0 / 1024), measures.meanUnits());
    assertEquals(Flag.COPY_INVALID, measures.flag(2));
    assertFalse(measures.isEvidence(3));
  }

  @Test
  void precisionMayDifferBetweenTheTwo() {
    assertEquals(0, probabilities(row(.25, .75), Bytes.fp64(.25, .75)).meanUnits());
    assertEquals(
        0, probabilities(row(.2, .8), Bytes.half("FP16", .2, .8)).meanUnits(Measure.TOP_ONE));
    assertEquals(
        0, probabilities(row(.2, .8), Bytes.half("BF16", .2, .8)).meanUnits(Measure.TOP_ONE));
    assertEquals(0, probabilities(row(.25, .75), Bytes.fp64(.25, .75)).maxUlp());
  }

  @Test
  void otherShapesAreTheFarthestInEveryRow() {
    OutputMeasures measures =
        compare(
            OutputKind.LOGITS,
            Bytes.fp32(new long[] {2, 2}, 0, 1, 1, 0),
            Bytes.fp32(new long[] {2, 1}, 0, 1));
    assertEquals(List.of(1024, 1024), units(measures));
    assertEquals(Flag.SHAPE_MISMATCH, measures.flag(1));
    assertTrue(measures.otherShape());
    assertEquals(1024, measures.meanUnits(Measure.BEYOND_TOLERANCE));
    comparer.missing(OutputPlan.of(OutputKind.LOGITS), row(1), measures);
    assertFlag(Flag.SHAPE_MISMATCH, 1024, measures);
  }

  @Test
  void bytesThatDoNotFitTheirShapeAreAnAnswerToo() {
    Tensor good = row(1, 2);
    long[][] shapes = {{1, 3}, {-1}, {Long.MAX_VALUE, Long.MAX_VALUE, 4}, {1L << 32, 1L << 32}};
    for (long[] shape : shapes) {
      Tensor broken = Tensor.of("FP32", shape, ByteBuffer.allocate(8));
      assertNotNull(broken.problem());
      for (OutputKind kind : OutputKind.values()) {
        assertFlag(Flag.COPY_INVALID, 1024, compare(kind, good, broken));
        assertFlag(Flag.CHAMPION_INVALID, 1024, compare(kind, broken, good));
        assertFlag(Flag.BOTH_INVALID, 0, compare(kind, broken, broken));
      }
    }
    assertNotNull(Tensor.of("FP8", new long[] {8}, ByteBuffer.allocate(8)).problem());
    byte[] tooLong = {5, 0, 0, 0, 'a'};
    assertNotNull(Tensor.of("BYTES", new long[] {1}, ByteBuffer.wrap(tooLong)).problem());
    long[] empty = {5, 0};
    for (OutputKind kind : OutputKind.values()) {
      assertEquals(-1, compare(kind, Bytes.fp32(empty), Bytes.fp32(empty)).meanUnits());
    }
  }

  @Test
  void whatIsTooLargeIsNotRead() {
    Tensor large =
        Tensor.of(
            "UINT8",
            new long[] {1, Comparer.MOST_BYTES + 1L},
            ByteBuffer.allocate(Comparer.MOST_BYTES + 1));
    assertFlag(Flag.NOT_COMPARABLE, 0, compare(OutputKind.LABELS, large, large));
    Tensor rows =
        Tensor.of(
            "UINT8",
            new long[] {Comparer.MOST_ROWS + 1L},
            ByteBuffer.allocate(Comparer.MOST_ROWS + 1));
    OutputMeasures measures = compare(OutputKind.LABELS, rows, rows);
    assertEquals(-1, measures.meanUnits());
    assertEquals(Flag.NOT_COMPARABLE, measures.flag(0));
  }

  @Test
  void everyNumericDatatypeIsReadFromItsBytes() {
    for (String datatype : Bytes.NUMBERS) {
      Tensor a = Bytes.numbers(datatype, 0, 1, 1, 1);
      Tensor b = Bytes.numbers(datatype, 0, 1, 1, 0);
      OutputPlan plan = OutputPlan.of(OutputKind.REGRESSION).withTolerance(new Tolerance(1, 0, 4));
      OutputMeasures measures = compare(plan, a, b);
      assertEquals(256, measures.meanUnits(), datatype);
      assertEquals(1, measures.maxAbs(), datatype);
      assertEquals(0, compare(plan, a, a).meanUnits(), datatype);
      assertEquals(1024, compare(OutputKind.LABELS, a, b).meanUnits(), datatype);
      // cos = 2 / sqrt(6)
      assertEquals(
          grid((1 - 2 / Math.sqrt(6)) / 2),
          compare(OutputKind.EMBEDDINGS, a, b).meanUnits(),
          datatype);
      OutputMeasures ranked = compare(OutputKind.RANKING, a, b);
      assertEquals(0, ranked.meanUnits(), datatype); // Repetitions are left out: 0, 1 and 0, 1.
    }
    // Unsigned numbers beyond the signed range.
    OutputPlan near = OutputPlan.of(OutputKind.REGRESSION).withTolerance(new Tolerance(2, 0, 1));
    for (String datatype : List.of("UINT8", "UINT16", "UINT32", "UINT64")) {
      Tensor most = Bytes.numbers(datatype, -1);
      Tensor next = Bytes.numbers(datatype, -2);
      assertTrue(compare(near, most, next).meanUnits() <= 512, datatype);
    }
  }

  /** The fast loops against sums in index order, over widths around the bounds of chunks. */
  @Test
  void wideRowsGiveWhatPlainLoopsGive() {
    SplittableRandom random = new SplittableRandom(3);
    for (int width : new int[] {2, 31, 32, 33, 511, 512, 513, 1_024, 5_000, 70_000}) {
      double[][] rows = new double[2][width];
      for (double[] row : rows) {
        double sum = 0;
        for (int i = 0; i < width; i++) {
          row[i] = -Math.log(random.nextDouble());
          sum += row[i];
        }
        for (int i = 0; i < width; i++) {
          row[i] = (float) (row[i] / sum);
        }
      }
      double[] a = rows[0];
      double[] b = rows[1];
      double total = 0;
      double dot = 0;
      double squaresA = 0;
      double squaresB = 0;
      double worst = 0;
      double maxAbs = 0;
      double maxRel = 0;
      int topA = 0;
      int topB = 0;
      Tolerance tolerance = new Tolerance(1e-4, 1e-1, 1e5);
      for (int i = 0; i < width; i++) {
        double distance = Math.abs(a[i] - b[i]);
        total += distance / 2;
        dot += a[i] * b[i];
        squaresA += a[i] * a[i];
        squaresB += b[i] * b[i];
        worst = Math.max(worst, distance / (1e-4 + 1e-1 * a[i]));
        maxAbs = Math.max(maxAbs, distance);
        maxRel = Math.max(maxRel, distance / a[i]);
        topA = a[i] > a[topA] ? i : topA;
        topB = b[i] > b[topB] ? i : topB;
      }
      OutputMeasures measures = probabilities(row(a), row(b));
      assertEquals(grid(total), measures.meanUnits(), "width " + width);
      assertEquals(topA == topB ? 0 : 1024, measures.meanUnits(Measure.TOP_ONE));
      assertEquals(width <= Comparer.DISPLAY_ELEMENTS, measures.meanUnits(Measure.TOP_K) >= 0);
      // Long rows are subtracted as floats.
      assertEquals(maxAbs, measures.maxAbs(), maxAbs * 1e-6);
      double cosine = dot / Math.sqrt(squaresA * squaresB);
      assertEquals(grid((1 - cosine) / 2), angle(row(a), row(b)));
      OutputPlan numbers = OutputPlan.of(OutputKind.LOGITS).withTolerance(tolerance);
      OutputMeasures regression = compare(numbers, row(a), row(b));
      assertEquals(grid(Math.min(1, worst / 1e5)), regression.meanUnits());
      assertEquals(topA == topB ? 0 : 1024, regression.meanUnits(Measure.TOP_ONE));
      assertEquals(maxRel, regression.maxRel(), maxRel * 1e-6);
    }
  }

  /** What is out of the ordinary in a long row is told as in a short one. */
  @Test
  void longRowsAreAsCarefulAsShortOnes() {
    int width = 40_000;
    int at = 39_990;
    double[] even = new double[width];
    Arrays.fill(even, 1.0 / width);
    double nan = Double.NaN;
    double inf = Double.POSITIVE_INFINITY;
    for (double odd : new double[] {nan, -nan, inf, -inf}) {
      Tensor copy = row(with(even, at, odd));
      for (OutputKind kind : List.of(OutputKind.PROBABILITIES, OutputKind.EMBEDDINGS)) {
        OutputMeasures measures = compare(kind, row(even), copy);
        assertFlag(Flag.COPY_INVALID, 1024, measures);
        assertTrue(measures.onlyCopyNotFinite());
        assertFlag(Flag.BOTH_INVALID, 0, compare(kind, copy, copy));
      }
      OutputMeasures numbers = compare(OutputKind.LOGITS, row(even), copy);
      assertEquals(1024, numbers.meanUnits());
      assertTrue(numbers.onlyCopyNotFinite());
    }
    assertEquals(
        0,
        compare(OutputKind.LOGITS, row(with(even, at, inf)), row(with(even, at, inf))).meanUnits());
    // Negative beyond rounding, although the sum is 1.
    double[] negative = with(with(even, 7, -0.001), 8, 0.001 + 2.0 / width);
    assertFlag(Flag.COPY_INVALID, 1024, probabilities(row(even), row(negative)));
    assertFlag(
        Flag.COPY_INVALID, 1024, compare(OutputKind.EMBEDDINGS, row(even), row(new double[width])));
    // Beyond the range of a float's squares, and numbers around 0.
    double[] huge = Arrays.stream(even).map(x -> x * 1e30).toArray();
    assertEquals(0, angle(row(even), row(huge)));
    double[] none = new double[width];
    OutputMeasures zero = compare(OutputKind.LOGITS, row(none), row(with(none, at, -1e-30)));
    assertEquals(0, zero.meanUnits());
    assertEquals(Double.POSITIVE_INFINITY, zero.maxRel());
    assertEquals(0, zero.meanUnits(Measure.TOP_ONE));
  }

  @Test
  void longRowsFindTheFirstOfEqualClasses() {
    int width = 40_000;
    double[] even = new double[width];
    Arrays.fill(even, 1.0 / width);
    for (int at : new int[] {0, 511, 512, 1_025, 39_999}) {
      double[] two = with(with(even, at, 3.0 / width), 39_999, 3.0 / width);
      double[] one = with(even, at, 3.0 / width);
      OutputMeasures measures = probabilities(row(two), row(one));
      assertEquals(0, measures.meanUnits(Measure.TOP_ONE), "at " + at);
      double[] below = Arrays.stream(two).map(x -> x - 1).toArray();
      OutputMeasures logits = compare(OutputKind.LOGITS, row(below), row(one));
      assertEquals(0, logits.meanUnits(Measure.TOP_ONE), "at " + at);
      assertEquals(
          at == 0 ? 0 : 1024, probabilities(row(even), row(one)).meanUnits(Measure.TOP_ONE));
    }
    for (String half : List.of("FP16", "BF16")) {
      double[] few = with(with(new double[width], 30_000, .25), 20, .75);
      assertEquals(0, probabilities(row(few), Bytes.half(half, few)).meanUnits());
      assertEquals(0, compare(OutputKind.LOGITS, row(few), Bytes.half(half, few)).meanUnits());
      assertEquals(0, angle(row(few), Bytes.half(half, few)));
      OutputMeasures other = probabilities(row(few), Bytes.half(half, with(few, 20, .5)));
      assertFlag(Flag.COPY_INVALID, 1024, other);
    }
  }

  private static double[] with(double[] row, int at, double value) {
    double[] changed = row.clone();
    changed[at] = value;
    return changed;
  }

  @Test
  void measuresAreSymmetricAndBounded() {
    SplittableRandom random = new SplittableRandom(9);
    for (int i = 0; i < 2000; i++) {
      double[][] rows = new double[2][1 + random.nextInt(9)];
      rows[1] = rows[0].clone();
      for (double[] row : rows) {
        double sum = 0;
        for (int k = 0; k < row.length; k++) {
          row[k] = random.nextInt(3) == 0 ? 0 : Math.exp(20 * random.nextDouble());
          sum += row[k];
        }
        row[0] += sum == 0 ? 1 : 0;
        sum = sum == 0 ? 1 : sum;
        for (int k = 0; k < row.length; k++) {
          row[k] /= sum;
        }
      }
      OutputMeasures there = probabilities(row(rows[0]), row(rows[1]));
      OutputMeasures back = probabilities(row(rows[1]), row(rows[0]));
      assertEquals(Flag.NONE, there.flag(0));
      for (Measure measure : ON_PROBABILITIES) {
        assertEquals(there.meanUnits(measure), back.meanUnits(measure));
      }
      // Le Cam: the squared Hellinger distance is at most the total variation, and so is
      // Jensen-Shannon's.
      int total = there.meanUnits();
      assertTrue(there.meanUnits(Measure.SQUARED_HELLINGER) <= total + 1);
      assertTrue(there.meanUnits(Measure.JENSEN_SHANNON) <= total + 1);
    }
  }
}
