package dev.understudy.evidence.divergence;

import dev.understudy.proto.v1.Measure;
import dev.understudy.proto.v1.OutputKind;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Measures how far two answers to the same input lie apart, output by output and row by row. Pure:
 * the same bytes give the same numbers on any machine. Never throws for what a model answered.
 *
 * <p>A row is what belongs to one index of the first dimension, the batch. All measures are 0 for
 * equal answers and 1 for the farthest:
 *
 * <ul>
 *   <li>PROBABILITIES: total variation, half the sum of absolute differences. For display top-1
 *       (the first of equals wins), agreement of the k likeliest, and up to {@value
 *       #DISPLAY_ELEMENTS} elements the Jensen-Shannon divergence to base 2 and the squared
 *       Hellinger distance. A single column is the probability of "yes". Rows may sum to 1 within
 *       0.01, since half precision does.
 *   <li>LABELS, numbers or BYTES: 1 when any element differs.
 *   <li>REGRESSION and LOGITS: {@code min(1, |a-b| / (atol + rtol |a|) / cap)} of the worst
 *       element; LOGITS for display also by the likeliest class.
 *   <li>EMBEDDINGS: {@code (1 - cosine) / 2}.
 *   <li>RANKING: lists of item ids in the last dimension, of any lengths: 1 less the rank-biased
 *       overlap; Kendall's distance for display. Several lists of a row: their mean.
 *   <li>TEXT: normalised edit distance of a row's BYTES elements, one after the other. A row that
 *       one side lacks is an empty text.
 *   <li>Unspecified: BYTES, integers and BOOL as LABELS; floats as PROBABILITIES when every row of
 *       the champion is a distribution over two classes or more, else as REGRESSION.
 * </ul>
 *
 * <p>An output of more than {@value #MOST_BYTES} bytes or {@value #MOST_ROWS} rows is not measured.
 *
 * <p>Sources: Lin, <i>Divergence measures based on the Shannon entropy</i>, IEEE Trans. Inf. Theory
 * 37(1), 1991; Hellinger's distance as {@code 1 - sum sqrt(p q)}; {@link Ranking}; {@link
 * EditDistance}.
 *
 * <p>Not thread-safe: it owns the room in which it computes.
 */
public final class Comparer {
  /** Largest output that is read, on either side. */
  public static final int MOST_BYTES = 64 << 20;

  /** Most rows of an output that is read. */
  public static final int MOST_ROWS = 1 << 20;

  /** Outputs of more elements are not measured in what is only displayed and costly. */
  public static final int DISPLAY_ELEMENTS = 1 << 14;

  /** Half-precision probabilities of many classes may sum to a little less or more than 1. */
  static final double SUM_ERROR = 0.01;

  private static final double NEGATIVE_ERROR = 1e-6;
  // A float divided by the least normal one, in place of 0, is more than this.
  private static final double BEYOND_RELATIVE = 1e30;
  private static final double LN_2 = 0.6931471805599453;
  // Sums of squares in this range lose nothing to underflow or overflow.
  private static final double LEAST_SQUARES = 1e-150;
  private static final double MOST_SQUARES = 1e150;

  private final Chunk a = new Chunk();
  private final Chunk b = new Chunk();
  private final double[] lanesA = new double[Chunk.LENGTH];
  private final double[] lanesB = new double[Chunk.LENGTH];
  private final double[] lanesAb = new double[Chunk.LENGTH];
  private final FloatRows floats = new FloatRows();
  private final TopK topA = new TopK();
  private final TopK topB = new TopK();

  /** With its own room. */
  public Comparer() {}

  /** The kind as which a champion's answer is compared under a plan. */
  public OutputKind kind(OutputPlan plan, Tensor champion) {
    if (plan.kind() != OutputKind.OUTPUT_KIND_UNSPECIFIED
        && plan.kind() != OutputKind.UNRECOGNIZED) {
      return plan.kind();
    }
    if (champion.problem() != null || !champion.element().isFloat()) {
      return OutputKind.LABELS;
    }
    if (champion.width() < 2 || champion.sizeInBytes() > MOST_BYTES) {
      return OutputKind.REGRESSION;
    }
    for (int row = 0; row < champion.rows(); row++) {
      if (!isDistribution(champion, row)) {
        return OutputKind.REGRESSION;
      }
    }
    return OutputKind.PROBABILITIES;
  }

  /** The measure that is the divergence of a kind. */
  static Measure primary(OutputKind kind) {
    return switch (kind) {
      case PROBABILITIES -> Measure.TOTAL_VARIATION;
      case REGRESSION, LOGITS -> Measure.BEYOND_TOLERANCE;
      case EMBEDDINGS -> Measure.COSINE;
      case RANKING -> Measure.RANK_BIASED;
      case TEXT -> Measure.EDIT_DISTANCE;
      case LABELS, OUTPUT_KIND_UNSPECIFIED, UNRECOGNIZED -> Measure.DIFFERENT;
    };
  }

  /**
   * Compares two answers for the same input.
   *
   * @param into receives one entry for each row of the champion's output, in order; a single one
   *     when the champion's rows cannot be told; none when the output has no elements
   */
  public void compare(OutputPlan plan, Tensor champion, Tensor copy, OutputMeasures into) {
    OutputKind kind = kind(plan, champion);
    Flag flag = flag(kind, champion, copy);
    if (flag != Flag.NONE) {
      into.begin(kind, Math.clamp(champion.rows(), 1, MOST_ROWS));
      for (int row = 0; row < into.rows(); row++) {
        into.flagged(row, flag, primary(kind));
      }
      if (flag == Flag.SHAPE_MISMATCH && copy.sizeInBytes() <= MOST_BYTES) {
        into.notFinite(false, copy.anyNotFinite() && !champion.anyNotFinite());
      }
      return;
    }
    if (kind == OutputKind.RANKING) {
      rankings(plan, champion, copy, into);
      return;
    }
    if (kind == OutputKind.TEXT) {
      texts(champion, copy, into);
      return;
    }
    into.begin(kind, champion.rows());
    for (int row = 0; row < champion.rows(); row++) {
      switch (kind) {
        case PROBABILITIES -> probabilities(plan, champion, copy, row, into);
        case REGRESSION, LOGITS -> numbers(plan.tolerance(), champion, copy, row, into);
        case EMBEDDINGS -> embeddings(champion, copy, row, into);
        default -> labels(champion, copy, row, into);
      }
    }
    if (champion.elements() <= DISPLAY_ELEMENTS
        && kind != OutputKind.LABELS
        && champion.element() == copy.element()) {
      into.distances(0, 0, ulps(champion, copy));
    }
  }

  /**
   * The copy's answer lacks an output: divergence 1 in each of the champion's rows.
   *
   * @param into as in {@link #compare}
   */
  public void missing(OutputPlan plan, Tensor champion, OutputMeasures into) {
    OutputKind kind = kind(plan, champion);
    into.begin(kind, Math.clamp(champion.rows(), 1, MOST_ROWS));
    for (int row = 0; row < into.rows(); row++) {
      into.flagged(row, Flag.SHAPE_MISMATCH, primary(kind));
    }
  }

  private static Flag flag(OutputKind kind, Tensor champion, Tensor copy) {
    @Nullable String championProblem = champion.problem();
    @Nullable String copyProblem = copy.problem();
    if (championProblem != null) {
      return copyProblem != null ? Flag.BOTH_INVALID : Flag.CHAMPION_INVALID;
    }
    if (copyProblem != null) {
      return Flag.COPY_INVALID;
    }
    boolean fits =
        switch (kind) {
          case RANKING -> Ranking.sameBatch(champion, copy);
          case TEXT -> true;
          default -> champion.sameShape(copy);
        };
    if (!fits) {
      return Flag.SHAPE_MISMATCH;
    }
    if (champion.isNumeric() != copy.isNumeric()) {
      return Flag.DATATYPE_MISMATCH;
    }
    boolean comparable =
        switch (kind) {
          case TEXT -> !champion.isNumeric();
          case LABELS, RANKING -> true;
          default -> champion.isNumeric();
        };
    boolean readable =
        (kind != OutputKind.RANKING || Ranking.readable(champion, copy))
            && Math.max(champion.rows(), copy.rows()) <= MOST_ROWS
            && Math.max(champion.sizeInBytes(), copy.sizeInBytes()) <= MOST_BYTES;
    return comparable && readable ? Flag.NONE : Flag.NOT_COMPARABLE;
  }

  private static Flag invalid(boolean champion, boolean copy) {
    if (champion && copy) {
      return Flag.BOTH_INVALID;
    }
    return champion ? Flag.CHAMPION_INVALID : Flag.COPY_INVALID;
  }

  private void clear(int lanes) {
    Arrays.fill(lanesA, 0, lanes, 0);
    Arrays.fill(lanesB, 0, lanes, 0);
    Arrays.fill(lanesAb, 0, lanes, 0);
  }

  /** Whether a row is compared by the fast loops, without what is only displayed. */
  private static boolean isLong(Tensor champion, Tensor copy) {
    return champion.elements() > DISPLAY_ELEMENTS && FloatRows.fits(champion, copy);
  }

  // ---- Probabilities.

  private boolean isDistribution(Tensor tensor, int row) {
    int width = tensor.width();
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    Arrays.fill(lanesA, 0);
    for (int from = 0; from < width; from += Chunk.LENGTH) {
      int n = Math.min(Chunk.LENGTH, width - from);
      a.load(tensor, row * width + from, n);
      Kernels.add(a.values, lanesA, n);
      low = Math.min(low, Kernels.min(a.values, n));
      high = Math.max(high, Kernels.max(a.values, n));
    }
    return isDistribution(Kernels.fold(lanesA, Math.min(width, Chunk.LENGTH)), low, high);
  }

  /** False for NaN and infinity too. */
  private static boolean isDistribution(double sum, double low, double high) {
    return Math.abs(sum - 1) <= SUM_ERROR && low >= -NEGATIVE_ERROR && high <= 1 + SUM_ERROR;
  }

  private static boolean isProbability(double value) {
    return value >= -NEGATIVE_ERROR && value <= 1 + SUM_ERROR;
  }

  private void probabilities(
      OutputPlan plan, Tensor champion, Tensor copy, int row, OutputMeasures into) {
    int width = champion.width();
    if (width == 1) {
      yes(champion.score(row, 0), copy.score(row, 0), row, into);
      return;
    }
    if (isLong(champion, copy) && longProbabilities(champion, copy, row, into)) {
      return;
    }
    int lanes = Math.min(width, Chunk.LENGTH);
    clear(lanes);
    double lowA = Double.POSITIVE_INFINITY;
    double lowB = Double.POSITIVE_INFINITY;
    double highA = Double.NEGATIVE_INFINITY;
    double highB = Double.NEGATIVE_INFINITY;
    int firstA = 0;
    int firstB = 0;
    double maxAbs = 0;
    for (int from = 0; from < width; from += Chunk.LENGTH) {
      int n = Math.min(Chunk.LENGTH, width - from);
      a.load(champion, row * width + from, n);
      b.load(copy, row * width + from, n);
      Kernels.add(a.values, lanesA, n);
      Kernels.add(b.values, lanesB, n);
      Kernels.addDistance(a.values, b.values, lanesAb, n);
      lowA = Math.min(lowA, Kernels.min(a.values, n));
      lowB = Math.min(lowB, Kernels.min(b.values, n));
      double max = Kernels.max(a.values, n);
      if (max > highA) {
        highA = max;
        firstA = from + Kernels.indexOf(a.values, max);
      }
      max = Kernels.max(b.values, n);
      if (max > highB) {
        highB = max;
        firstB = from + Kernels.indexOf(b.values, max);
      }
      maxAbs = Math.max(maxAbs, Kernels.maxDistance(a.values, b.values, n));
      relative(into, n);
    }
    double sumA = Kernels.fold(lanesA, lanes);
    double sumB = Kernels.fold(lanesB, lanes);
    boolean invalidA = !isDistribution(sumA, lowA, highA);
    boolean invalidB = !isDistribution(sumB, lowB, highB);
    if (invalidA || invalidB) {
      into.flagged(row, invalid(invalidA, invalidB), Measure.TOTAL_VARIATION);
      notFinite(champion, copy, row, into);
      return;
    }
    into.primary(row, Measure.TOTAL_VARIATION, Kernels.fold(lanesAb, lanes) / 2);
    into.display(Measure.TOP_ONE, firstA == firstB ? 0 : 1);
    into.distances(maxAbs, 0, 0);
    if (champion.elements() <= DISPLAY_ELEMENTS) {
      display(plan.topK(), champion, copy, row, sumA, sumB, into);
    }
  }

  /** False when a row is out of the ordinary: nothing was noted. */
  private boolean longProbabilities(Tensor champion, Tensor copy, int row, OutputMeasures into) {
    double variation = floats.totalVariation(champion, copy, row);
    if (Double.isNaN(variation)) {
      return false;
    }
    int top = floats.topProbability(champion, row);
    int copyTop = floats.topProbability(copy, row);
    if (top < 0 || copyTop < 0) {
      return false;
    }
    into.primary(row, Measure.TOTAL_VARIATION, variation);
    into.display(Measure.TOP_ONE, top == copyTop ? 0 : 1);
    into.distances(floats.maxDistance(champion, copy, row), 0, 0);
    return true;
  }

  private void yes(double p, double q, int row, OutputMeasures into) {
    boolean invalidP = !isProbability(p);
    boolean invalidQ = !isProbability(q);
    if (invalidP || invalidQ) {
      into.flagged(row, invalid(invalidP, invalidQ), Measure.TOTAL_VARIATION);
      into.notFinite(!Double.isFinite(p), !Double.isFinite(q));
      return;
    }
    double yesP = Math.clamp(p, 0.0, 1.0);
    double yesQ = Math.clamp(q, 0.0, 1.0);
    into.primary(row, Measure.TOTAL_VARIATION, Math.abs(yesP - yesQ));
    into.display(Measure.TOP_ONE, (p >= 0.5) == (q >= 0.5) ? 0 : 1);
    into.display(
        Measure.JENSEN_SHANNON, (entropy(yesP, yesQ) + entropy(1 - yesP, 1 - yesQ)) / (2 * LN_2));
    into.display(
        Measure.SQUARED_HELLINGER, 1 - Math.sqrt(yesP * yesQ) - Math.sqrt((1 - yesP) * (1 - yesQ)));
    a.values[0] = p;
    b.values[0] = q;
    into.distances(Math.abs(p - q), 0, 0);
    relative(into, 1);
  }

  /** Jensen-Shannon and Hellinger, on both rows made to sum to 1, and the k likeliest. */
  private void display(
      int topK,
      Tensor champion,
      Tensor copy,
      int row,
      double sumA,
      double sumB,
      OutputMeasures into) {
    int width = champion.width();
    int k = Math.min(topK, width - 1);
    topA.begin(k);
    topB.begin(k);
    double shannon = 0;
    double overlap = 0;
    for (int from = 0; from < width; from += Chunk.LENGTH) {
      int n = Math.min(Chunk.LENGTH, width - from);
      if (width > Chunk.LENGTH) {
        a.load(champion, row * width + from, n);
        b.load(copy, row * width + from, n);
      }
      topA.add(a.values, from, n);
      topB.add(b.values, from, n);
      for (int j = 0; j < n; j++) {
        double p = Math.max(0, a.values[j]) / sumA;
        double q = Math.max(0, b.values[j]) / sumB;
        overlap += Math.sqrt(p * q);
        shannon += entropy(p, q);
      }
    }
    into.display(Measure.JENSEN_SHANNON, shannon / (2 * LN_2));
    into.display(Measure.SQUARED_HELLINGER, 1 - overlap);
    into.display(Measure.TOP_K, 1 - (double) topA.shared(topB) / k);
  }

  /** One class's part of twice the Jensen-Shannon divergence, in nats. */
  private static double entropy(double p, double q) {
    if (p == q) {
      return 0;
    }
    double middle = (p + q) / 2;
    double sum = p == 0 ? 0 : p * StrictMath.log(p / middle);
    return q == 0 ? sum : sum + q * StrictMath.log(q / middle);
  }

  // ---- Numbers.

  private void numbers(
      Tolerance tolerance, Tensor champion, Tensor copy, int row, OutputMeasures into) {
    int width = champion.width();
    boolean logits = into.kind() == OutputKind.LOGITS && width > 1;
    if (isLong(champion, copy) && longNumbers(tolerance, champion, copy, row, into)) {
      return;
    }
    double worst = 0;
    double maxAbs = 0;
    double highA = Double.NEGATIVE_INFINITY;
    double highB = Double.NEGATIVE_INFINITY;
    int firstA = 0;
    int firstB = 0;
    for (int from = 0; from < width; from += Chunk.LENGTH) {
      int n = Math.min(Chunk.LENGTH, width - from);
      a.load(champion, row * width + from, n);
      b.load(copy, row * width + from, n);
      double distance = Kernels.maxDistance(a.values, b.values, n);
      if (!Double.isFinite(distance)) {
        carefulNumbers(tolerance, champion, copy, row, into);
        return;
      }
      maxAbs = Math.max(maxAbs, distance);
      if (distance > 0) {
        worst = worst(tolerance, worst, n);
        relative(into, n);
      }
      if (logits) {
        double max = Kernels.max(a.values, n);
        if (max > highA) {
          highA = max;
          firstA = from + Kernels.indexOf(a.values, max);
        }
        max = Kernels.max(b.values, n);
        if (max > highB) {
          highB = max;
          firstB = from + Kernels.indexOf(b.values, max);
        }
      }
    }
    into.primary(row, Measure.BEYOND_TOLERANCE, worst / tolerance.cap());
    into.distances(maxAbs, 0, 0);
    if (logits) {
      into.display(Measure.TOP_ONE, firstA == firstB ? 0 : 1);
    }
  }

  /** False when a row is out of the ordinary: nothing was noted. */
  private boolean longNumbers(
      Tolerance tolerance, Tensor champion, Tensor copy, int row, OutputMeasures into) {
    double distance = floats.maxDistance(champion, copy, row);
    if (!Double.isFinite(distance)) {
      return false;
    }
    int top = 0;
    int copyTop = 0;
    if (into.kind() == OutputKind.LOGITS) {
      top = floats.top(champion, row);
      copyTop = floats.top(copy, row);
      if (top < 0 || copyTop < 0) {
        return false;
      }
      into.display(Measure.TOP_ONE, top == copyTop ? 0 : 1);
    }
    double worst = 0;
    if (distance > 0) {
      worst = floats.maxRatio(champion, copy, row, tolerance.atol(), tolerance.rtol());
      double relative = floats.maxRatio(champion, copy, row, 0, 1);
      into.distances(distance, relative > BEYOND_RELATIVE ? Double.POSITIVE_INFINITY : relative, 0);
    }
    into.primary(row, Measure.BEYOND_TOLERANCE, worst / tolerance.cap());
    return true;
  }

  /** The worst ratio so far and in this chunk; finite elements. */
  private double worst(Tolerance tolerance, double soFar, int n) {
    double worst = soFar;
    for (int j = 0; j < n; j++) {
      double distance = Math.abs(a.values[j] - b.values[j]);
      if (distance > 0) {
        worst = Math.max(worst, distance / tolerance.allowed(a.values[j]));
      }
    }
    return worst;
  }

  /** Takes up the greatest relative difference of this chunk; finite elements. */
  private void relative(OutputMeasures into, int n) {
    double worst = 0;
    for (int j = 0; j < n; j++) {
      double distance = Math.abs(a.values[j] - b.values[j]);
      if (distance > 0) {
        worst = Math.max(worst, distance / Math.abs(a.values[j]));
      }
    }
    into.distances(0, worst, 0);
  }

  private void carefulNumbers(
      Tolerance tolerance, Tensor champion, Tensor copy, int row, OutputMeasures into) {
    double[] p = champion.row(row);
    double[] q = copy.row(row);
    notFinite(champion, copy, row, into);
    boolean nanP = CarefulRow.anyNan(p);
    boolean nanQ = CarefulRow.anyNan(q);
    if (nanP || nanQ) {
      into.flagged(row, invalid(nanP, nanQ), Measure.BEYOND_TOLERANCE);
      if (nanP != nanQ) {
        into.distances(Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY, 0);
      }
      return;
    }
    double worst = CarefulRow.worstRatio(p, q, tolerance);
    into.primary(row, Measure.BEYOND_TOLERANCE, worst / tolerance.cap());
    if (into.kind() == OutputKind.LOGITS && p.length > 1) {
      into.display(Measure.TOP_ONE, CarefulRow.top(p) == CarefulRow.top(q) ? 0 : 1);
    }
    for (int i = 0; i < p.length; i++) {
      if (p[i] != q[i]) {
        double distance = Math.abs(p[i] - q[i]);
        double relative =
            Double.isInfinite(p[i]) ? Double.POSITIVE_INFINITY : distance / Math.abs(p[i]);
        into.distances(distance, relative, 0);
      }
    }
  }

  private static void notFinite(Tensor champion, Tensor copy, int row, OutputMeasures into) {
    into.notFinite(!champion.finite(row), !copy.finite(row));
  }

  // ---- Embeddings.

  private void embeddings(Tensor champion, Tensor copy, int row, OutputMeasures into) {
    int width = champion.width();
    if (isLong(champion, copy)) {
      double distance = floats.halfOneMinusCosine(champion, copy, row);
      if (!Double.isNaN(distance)) {
        into.primary(row, Measure.COSINE, distance);
        into.distances(floats.maxDistance(champion, copy, row), 0, 0);
        return;
      }
    }
    int lanes = Math.min(width, Chunk.LENGTH);
    clear(lanes);
    double maxAbs = 0;
    for (int from = 0; from < width; from += Chunk.LENGTH) {
      int n = Math.min(Chunk.LENGTH, width - from);
      a.load(champion, row * width + from, n);
      b.load(copy, row * width + from, n);
      Kernels.addProduct(a.values, a.values, lanesA, n);
      Kernels.addProduct(b.values, b.values, lanesB, n);
      Kernels.addProduct(a.values, b.values, lanesAb, n);
      maxAbs = Math.max(maxAbs, Kernels.maxDistance(a.values, b.values, n));
    }
    double squaresA = Kernels.fold(lanesA, lanes);
    double squaresB = Kernels.fold(lanesB, lanes);
    if (inRange(squaresA) && inRange(squaresB)) {
      double cosine = Kernels.fold(lanesAb, lanes) / Math.sqrt(squaresA * squaresB);
      into.primary(row, Measure.COSINE, (1 - cosine) / 2);
      into.distances(maxAbs, 0, 0);
      return;
    }
    double[] p = champion.row(row);
    double[] q = copy.row(row);
    boolean invalidP = !CarefulRow.isDirection(p);
    boolean invalidQ = !CarefulRow.isDirection(q);
    if (invalidP || invalidQ) {
      into.flagged(row, invalid(invalidP, invalidQ), Measure.COSINE);
      notFinite(champion, copy, row, into);
      return;
    }
    into.primary(row, Measure.COSINE, CarefulRow.halfOneMinusCosine(p, q));
    into.distances(maxAbs, 0, 0);
  }

  private static boolean inRange(double squares) {
    return squares >= LEAST_SQUARES && squares <= MOST_SQUARES;
  }

  // ---- Labels, rankings, texts.

  private static void labels(Tensor champion, Tensor copy, int row, OutputMeasures into) {
    int width = champion.width();
    boolean same = true;
    boolean nanA = false;
    boolean nanB = false;
    for (int i = row * width; i < (row + 1) * width; i++) {
      nanA |= champion.isNan(i);
      nanB |= copy.isNan(i);
      same &= champion.same(copy, i);
    }
    if (nanA || nanB) {
      into.flagged(row, invalid(nanA, nanB), Measure.DIFFERENT);
    } else {
      into.primary(row, Measure.DIFFERENT, same ? 0 : 1);
    }
    if (!same) {
      notFinite(champion, copy, row, into);
    }
  }

  private static void rankings(OutputPlan plan, Tensor champion, Tensor copy, OutputMeasures into) {
    int rows = champion.rank() < 2 ? 1 : (int) champion.dimension(0);
    if (champion.elements() == 0 && copy.elements() == 0) {
      into.begin(OutputKind.RANKING, 0);
      return;
    }
    into.begin(OutputKind.RANKING, rows);
    int lists = Ranking.lists(champion) / rows;
    int depth = Ranking.depth(rows * lists, plan.depth());
    for (int row = 0; row < rows; row++) {
      double overlap = 0;
      double kendall = 0;
      for (int list = row * lists; list < (row + 1) * lists; list++) {
        Ranking ranking =
            Ranking.of(Ranking.items(champion, list, depth), Ranking.items(copy, list, depth));
        overlap += ranking.rankBiased();
        kendall += ranking.kendall();
      }
      into.primary(row, Measure.RANK_BIASED, overlap / lists);
      into.display(Measure.KENDALL, kendall / lists);
    }
  }

  private static void texts(Tensor champion, Tensor copy, OutputMeasures into) {
    int rows = Math.max(champion.rows(), copy.rows());
    int points = Texts.points(rows);
    into.begin(OutputKind.TEXT, rows);
    for (int row = 0; row < rows; row++) {
      into.primary(
          row, Measure.EDIT_DISTANCE, Texts.distance(text(champion, row), text(copy, row), points));
    }
  }

  /** A row's elements one after the other. */
  private static ByteBuffer text(Tensor tensor, int row) {
    if (row >= tensor.rows()) {
      return ByteBuffer.allocate(0);
    }
    int width = tensor.width();
    if (width == 1) {
      return tensor.text(row);
    }
    ByteArrayOutputStream whole = new ByteArrayOutputStream();
    for (int i = row * width; i < (row + 1) * width; i++) {
      ByteBuffer part = tensor.text(i);
      byte[] bytes = new byte[part.remaining()];
      part.get(bytes);
      whole.writeBytes(bytes);
    }
    return ByteBuffer.wrap(whole.toByteArray());
  }

  private static long ulps(Tensor champion, Tensor copy) {
    long most = 0;
    for (int i = 0; i < champion.elements(); i++) {
      most = Math.max(most, champion.ulps(copy, i));
    }
    return most;
  }
}
