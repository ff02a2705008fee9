package dev.understudy.proto.contract;

import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.InferResponseView;
import dev.understudy.proto.tensor.TensorData;
import dev.understudy.proto.tensor.TensorException;
import dev.understudy.proto.v1.AnswerRange;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.Feature;
import dev.understudy.proto.v1.OutputKind;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads answers as a contract's {@code answers} say: are they within their ranges, how sure is the
 * model, how far is it from another model's answer? Rows are those of the last dimension.
 * Immutable; any number of threads.
 */
public final class AnswerCheck {
  /**
   * An answer that must not be given.
   *
   * @param output the tensor
   * @param element the first that is outside, by position; of a sum, the first of its row
   * @param what the value and what was expected
   */
  public record Violation(String output, int element, String what) {}

  private static final class Range {
    final String output;
    final byte[] name;
    final @Nullable InputRules bounds;
    final double sumOff;

    Range(String output, @Nullable InputRules bounds, double sumOff) {
      this.output = output;
      this.name = output.getBytes(StandardCharsets.UTF_8);
      this.bounds = bounds;
      this.sumOff = sumOff;
    }
  }

  private final List<Range> ranges = new ArrayList<>();
  private final byte[] sureOutput;
  private final Decision decision;
  private final byte[] decided;

  /** The check of a contract; one without {@code answers} finds nothing. */
  public AnswerCheck(DataContract contract) {
    for (AnswerRange range : contract.getAnswers().getRangesList()) {
      Feature.Builder bounds = Feature.newBuilder().setName(range.getOutput());
      if (range.hasMin()) {
        bounds.setMin(range.getMin());
      }
      if (range.hasMax()) {
        bounds.setMax(range.getMax());
      }
      ranges.add(
          new Range(
              range.getOutput(),
              InputRules.of(range.getOutput(), List.of(bounds.build())),
              range.hasSumToOne() ? range.getSumToOne() : Double.NaN));
    }
    sureOutput = contract.getAnswers().getConfidence().getOutput().getBytes(StandardCharsets.UTF_8);
    decision = contract.getDecision();
    decided = decision.getOutput().getBytes(StandardCharsets.UTF_8);
  }

  /**
   * The first element outside of its range, or row that does not sum to one; null when there is
   * none. Outputs that the answer does not have are not missed.
   *
   * @param message the bytes that the answer was read from, from their first to their last
   */
  public @Nullable Violation violation(byte[] message, InferResponseView answer) {
    for (int i = 0; i < ranges.size(); i++) {
      Range range = ranges.get(i);
      Violation violation = bounds(range, message, answer);
      if (violation == null && !Double.isNaN(range.sumOff)) {
        violation = sums(range, message, answer);
      }
      if (violation != null) {
        return violation;
      }
    }
    return null;
  }

  private static @Nullable Violation bounds(Range range, byte[] message, InferResponseView answer) {
    InputRules rules = range.bounds;
    ContractFindings found = rules == null ? null : rules.check(message, answer, null);
    return found == null || found.violations().isEmpty()
        ? null
        : new Violation(
            range.output,
            (int) Math.max(0, found.firstRow()),
            found.violations().get(0).description());
  }

  private static @Nullable Violation sums(Range range, byte[] message, InferResponseView answer) {
    AnswerElements elements = AnswerElements.of(message, answer, range.name);
    if (elements == null) {
      return null;
    }
    for (int row = 0; row < elements.rows; row++) {
      double sum = 0;
      for (int column = 0; column < elements.width; column++) {
        sum += elements.at(row, column);
      }
      if (!(Math.abs(sum - 1) <= range.sumOff)) {
        return new Violation(
            range.output,
            row * elements.width,
            "a row that sums to " + sum + " (expected: 1, within " + range.sumOff + ")");
      }
    }
    return null;
  }

  /**
   * How sure the model is where it is least: the least over rows of the greatest probability; of a
   * single column p the greater of p and 1 - p. NaN when the answer does not say.
   */
  public double confidence(byte[] message, InferResponseView answer) {
    AnswerElements elements = AnswerElements.of(message, answer, sureOutput);
    if (elements == null) {
      return Double.NaN;
    }
    double least = Double.POSITIVE_INFINITY;
    for (int row = 0; row < elements.rows; row++) {
      double most = elements.at(row, 0);
      if (elements.width == 1) {
        most = Math.max(most, 1 - most);
      }
      for (int column = 1; column < elements.width; column++) {
        most = Math.max(most, elements.at(row, column));
      }
      least = Math.min(least, most);
    }
    return least;
  }

  /**
   * How far the decision's output is from another model's, where it is farthest: between the scores
   * of probabilities, between values of a regression, 0 or 1 between labels. NaN when the answers
   * cannot be held against each other.
   */
  public double disagreement(
      byte[] message, InferResponseView answer, byte[] otherMessage, InferResponseView other) {
    if (decision.getKind() == OutputKind.LABELS && isText(answer)) {
      return textLabels(answer, other);
    }
    AnswerElements a = AnswerElements.of(message, answer, decided);
    AnswerElements b = AnswerElements.of(otherMessage, other, decided);
    if (a == null || b == null || a.rows != b.rows || a.width != b.width) {
      return Double.NaN;
    }
    boolean scores = decision.getKind() == OutputKind.PROBABILITIES;
    if (scores && decision.getColumn() >= a.width) {
      return Double.NaN;
    }
    int first = scores ? decision.getColumn() : 0;
    int last = scores ? decision.getColumn() : a.width - 1;
    double most = 0;
    for (int row = 0; row < a.rows; row++) {
      for (int column = first; column <= last; column++) {
        most = Math.max(most, Math.abs(a.at(row, column) - b.at(row, column)));
      }
    }
    return decision.getKind() == OutputKind.LABELS && most > 0 ? 1 : most;
  }

  private boolean isText(InferResponseView answer) {
    int index = find(answer);
    return index >= 0 && answer.output(index).datatype() == Datatype.BYTES;
  }

  private int find(InferResponseView answer) {
    for (int i = 0; i < answer.outputCount(); i++) {
      if (answer.output(i).nameIs(decided)) {
        return i;
      }
    }
    return -1;
  }

  private double textLabels(InferResponseView answer, InferResponseView other) {
    int b = find(other);
    try {
      return b < 0
          ? Double.NaN
          : TensorData.of(answer, find(answer)).equals(TensorData.of(other, b)) ? 0 : 1;
    } catch (TensorException e) {
      return Double.NaN;
    }
  }
}
