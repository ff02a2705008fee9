package dev.understudy.router.slices;

import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceLabels;
import dev.understudy.proto.v1.SliceRule;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Labels calls by a contract's slices. Columns are looked at only where the policy clears them; who
 * calls and how many rows a call has are known without its features. Any thread.
 */
final class Slicer {
  /** A slice by a feature, and its place among the labels of a row. */
  private record Column(int index, LabelRule.OfNumber rule) {}

  private final List<Column> columns = new ArrayList<>();
  private final List<LabelRule.Principals> principals = new ArrayList<>();
  private final List<LabelRule.OfNumber> sizes = new ArrayList<>();

  /** Slices of a contract, of which only cleared columns are labelled. */
  Slicer(DataContract contract, boolean[] clear, String salt) {
    for (SliceRule rule : contract.getSlicesList()) {
      if (rule.getPrincipal()) {
        principals.add(
            new LabelRule.Principals(rule, contract.getPrivacy().getClearPrincipal(), salt));
      } else if (rule.getBatchSize()) {
        sizes.add(LabelRule.ofNumber(rule));
      } else if (clear[rule.getColumn()]) {
        columns.add(new Column(rule.getColumn(), LabelRule.ofNumber(rule)));
      }
    }
  }

  boolean looksAtColumns() {
    return !columns.isEmpty();
  }

  boolean isEmpty() {
    return columns.isEmpty() && principals.isEmpty() && sizes.isEmpty();
  }

  /** One set of labels per row: those of its columns, then those of the call. */
  List<SliceLabels> rows(@Nullable FeatureTable table, String principal, long batch) {
    if (table == null && principals.isEmpty() && sizes.isEmpty()) {
      return List.of();
    }
    List<SliceLabel> ofCall = new ArrayList<>();
    label(ofCall, principal, batch);
    int count = table != null ? table.rows() : Math.toIntExact(batch);
    List<SliceLabels> rows = new ArrayList<>(count);
    for (int row = 0; row < count; row++) {
      SliceLabels.Builder labels = SliceLabels.newBuilder();
      if (table != null) {
        for (Column column : columns) {
          labels.addLabels(column.rule().of(table.at(row, column.index())));
        }
      }
      rows.add(labels.addAllLabels(ofCall).build());
    }
    return rows;
  }

  /** The different labels of all rows. */
  Collection<SliceLabel> distinct(@Nullable FeatureTable table, String principal, long batch) {
    boolean several = table != null && table.rows() > 1;
    Collection<SliceLabel> labels =
        several
            ? new LinkedHashSet<>()
            : new ArrayList<>(columns.size() + principals.size() + sizes.size());
    for (int row = 0; table != null && row < table.rows(); row++) {
      for (int i = 0; i < columns.size(); i++) {
        Column column = columns.get(i);
        labels.add(column.rule().of(table.at(row, column.index())));
      }
    }
    label(labels, principal, batch);
    return labels;
  }

  private void label(Collection<SliceLabel> labels, String principal, long batch) {
    for (int i = 0; i < principals.size(); i++) {
      labels.add(principals.get(i).of(principal));
    }
    for (int i = 0; i < sizes.size(); i++) {
      labels.add(sizes.get(i).of((double) batch));
    }
  }
}
