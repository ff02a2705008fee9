package dev.understudy.modelkit.train;

import dev.understudy.modelkit.data.Table;
import dev.understudy.modelkit.train.GradientBoostedTrees.Node;
import dev.understudy.modelkit.train.GradientBoostedTrees.Options;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Grows one tree after another on what the trees before left over.
 *
 * <p>Time goes into one loop: adding the gradients of a node's rows to the histogram of every
 * column. It is kept short in two ways. The rows of a node lie next to each other in {@link #order}
 * (a split partitions its stretch in place), and of two children only the smaller one is counted:
 * the other's histogram is what remains of the parent's.
 */
final class TreeGrower {
  private static final int CELL = 2 * Bins.COUNT;

  private final Options options;
  private final Bins bins;
  private final boolean[] labels;
  private final double[] logits;
  private final double[] gradient;
  private final double[] hessian;
  private final int[] order;
  private final int[] aside;
  private final SplittableRandom random;

  TreeGrower(Table table, Options options, double base, long seed) {
    this.options = options;
    this.bins = Bins.of(table);
    this.labels = table.labels();
    this.logits = new double[labels.length];
    this.gradient = new double[labels.length];
    this.hessian = new double[labels.length];
    this.order = new int[labels.length];
    this.aside = new int[labels.length];
    this.random = new SplittableRandom(seed);
    Arrays.fill(logits, base);
  }

  /** The next tree; its answers are already added to the logits. */
  Node grow() {
    int sampled = 0;
    int left = labels.length;
    for (int i = 0; i < labels.length; i++) {
      double p = Sigmoid.of(logits[i]);
      gradient[i] = p - (labels[i] ? 1 : 0);
      hessian[i] = p * (1 - p);
      // Rows that this tree does not learn from stand behind the others: they still get its answer.
      if (random.nextDouble() < options.sample()) {
        order[sampled++] = i;
      } else {
        order[--left] = i;
      }
    }
    double[] histogram = new double[bins.width * CELL];
    count(0, sampled, histogram);
    return node(0, sampled, left, labels.length, histogram, options.depth());
  }

  /**
   * Grows the node whose sampled rows are {@code order[from..to)} and whose other rows are {@code
   * order[restFrom..restTo)}.
   */
  private Node node(int from, int to, int restFrom, int restTo, double[] histogram, int depth) {
    Best best = depth == 0 ? Best.NONE : bestSplit(histogram);
    if (best.gain <= 0) {
      return leaf(from, to, restFrom, restTo);
    }
    int middle = partition(from, to, best);
    int restMiddle = partition(restFrom, restTo, best);
    double[] smaller = new double[histogram.length];
    boolean leftSmaller = middle - from < to - middle;
    if (depth > 1) {
      count(leftSmaller ? from : middle, leftSmaller ? middle : to, smaller);
      for (int k = 0; k < histogram.length; k++) {
        histogram[k] -= smaller[k];
      }
    }
    Node left =
        node(from, middle, restFrom, restMiddle, leftSmaller ? smaller : histogram, depth - 1);
    Node right = node(middle, to, restMiddle, restTo, leftSmaller ? histogram : smaller, depth - 1);
    return new Node.Split(
        best.column, bins.edge(best.column, best.bin), best.missingLeft, left, right);
  }

  private Node leaf(int from, int to, int restFrom, int restTo) {
    double g = 0;
    double h = 0;
    for (int k = from; k < to; k++) {
      g += gradient[order[k]];
      h += hessian[order[k]];
    }
    float value = (float) (-options.rate() * g / (h + options.lambda()));
    for (int k = from; k < to; k++) {
      logits[order[k]] += value;
    }
    for (int k = restFrom; k < restTo; k++) {
      logits[order[k]] += value;
    }
    return new Node.Leaf(value);
  }

  private void count(int from, int to, double[] histogram) {
    int width = bins.width;
    for (int k = from; k < to; k++) {
      int row = order[k];
      double g = gradient[row];
      double h = hessian[row];
      for (int j = 0; j < width; j++) {
        int cell = j * CELL + 2 * bins.bin(row, j);
        histogram[cell] += g;
        histogram[cell + 1] += h;
      }
    }
  }

  /** Puts the rows that go left first and returns where the others begin; both keep their order. */
  private int partition(int from, int to, Best best) {
    int left = from;
    int right = 0;
    for (int k = from; k < to; k++) {
      int bin = bins.bin(order[k], best.column);
      if (bin == Bins.MISSING ? best.missingLeft : bin <= best.bin) {
        order[left++] = order[k];
      } else {
        aside[right++] = order[k];
      }
    }
    System.arraycopy(aside, 0, order, left, right);
    return left;
  }

  private record Best(double gain, int column, int bin, boolean missingLeft) {
    static final Best NONE = new Best(0, 0, 0, false);
  }

  private Best bestSplit(double[] histogram) {
    Best best = Best.NONE;
    for (int j = 0; j < bins.width; j++) {
      int at = j * CELL;
      double missingG = histogram[at + 2 * Bins.MISSING];
      double missingH = histogram[at + 2 * Bins.MISSING + 1];
      double totalG = missingG;
      double totalH = missingH;
      for (int b = 0; b < bins.count(j); b++) {
        totalG += histogram[at + 2 * b];
        totalH += histogram[at + 2 * b + 1];
      }
      double whole = score(totalG, totalH);
      double g = 0;
      double h = 0;
      for (int b = 0; b < bins.count(j); b++) {
        g += histogram[at + 2 * b];
        h += histogram[at + 2 * b + 1];
        double right = gain(g, h, totalG, totalH, whole);
        if (right > best.gain) {
          best = new Best(right, j, b, false);
        }
        if (missingH > 0) {
          double left = gain(g + missingG, h + missingH, totalG, totalH, whole);
          if (left > best.gain) {
            best = new Best(left, j, b, true);
          }
        }
      }
    }
    return best;
  }

  private double gain(double g, double h, double totalG, double totalH, double whole) {
    if (h < options.minHessian() || totalH - h < options.minHessian()) {
      return 0;
    }
    return score(g, h) + score(totalG - g, totalH - h) - whole;
  }

  private double score(double g, double h) {
    return g * g / (h + options.lambda());
  }
}
