package dev.understudy.evidence.tally;

import dev.understudy.evidence.divergence.Flag;
import dev.understudy.evidence.divergence.OutputMeasures;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.SliceLabel;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One measured comparison. The divergence of a set of rows is that of the worst output: the mean
 * over those of its rows that are evidence. Used again for the next comparison.
 */
final class Pair {
  private Comparison comparison = Comparison.getDefaultInstance();
  private @Nullable Decisions decisions;
  private final List<OutputMeasures> room = new ArrayList<>();
  private final List<String> names = new ArrayList<>();
  private int outputs;

  void begin(Comparison next) {
    comparison = next;
    decisions = null;
    outputs = 0;
    names.clear();
  }

  /** Room for what the next output gives. */
  OutputMeasures next(String name) {
    names.add(name);
    if (outputs == room.size()) {
      room.add(new OutputMeasures());
    }
    return room.get(outputs++);
  }

  void decisions(Decisions taken) {
    decisions = taken;
  }

  Comparison comparison() {
    return comparison;
  }

  /** Null when the contract declares none. */
  @Nullable Decisions decisions() {
    return decisions;
  }

  int outputs() {
    return outputs;
  }

  OutputMeasures output(int index) {
    return room.get(index);
  }

  String name(int index) {
    return names.get(index);
  }

  /** On the grid; -1 when nothing could be measured. */
  int units() {
    int worst = -1;
    for (int i = 0; i < outputs; i++) {
      worst = Math.max(worst, room.get(i).meanUnits());
    }
    return worst;
  }

  /** The same for some of the call's rows. */
  int units(List<Integer> rows) {
    int worst = -1;
    for (int i = 0; i < outputs; i++) {
      OutputMeasures output = room.get(i);
      long sum = 0;
      long count = 0;
      for (int row : rows) {
        int at = row(output, row);
        if (output.isEvidence(at)) {
          sum += output.units(at);
          count++;
        }
      }
      if (count > 0) {
        worst = Math.max(worst, (int) ((2 * sum + count) / (2 * count)));
      }
    }
    return worst;
  }

  /** What is wrong with an output as a whole is wrong with each row. */
  private static int row(OutputMeasures output, int row) {
    return output.rows() == 1 && output.flag(0) != Flag.NONE ? 0 : row;
  }

  /** The row that lies farthest apart, the first of several. */
  int worstRow() {
    int worst = 0;
    int most = 0;
    for (int i = 0; i < outputs; i++) {
      OutputMeasures output = room.get(i);
      for (int row = 0; row < output.rows(); row++) {
        if (output.units(row) > most) {
          most = output.units(row);
          worst = row;
        }
      }
    }
    return worst;
  }

  boolean onlyCopyNotFinite() {
    for (int i = 0; i < outputs; i++) {
      if (room.get(i).onlyCopyNotFinite()) {
        return true;
      }
    }
    return false;
  }

  boolean otherShape() {
    for (int i = 0; i < outputs; i++) {
      if (room.get(i).otherShape()) {
        return true;
      }
    }
    return false;
  }

  /** Labels of a row, none when the router sent none for it. */
  List<SliceLabel> labels(int row) {
    return row < comparison.getRowsCount() ? comparison.getRows(row).getLabelsList() : List.of();
  }
}
