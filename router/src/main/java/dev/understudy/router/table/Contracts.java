package dev.understudy.router.table;

import static dev.understudy.router.table.Tables.check;

import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.SliceRule;
import java.util.List;
import java.util.stream.Stream;

/** Checks a contract as it came over the wire: whoever wrote it, calls are labelled by it. Pure. */
final class Contracts {
  /** A cell has 64 labels in all, and each slice needs one for the values without room. */
  private static final int MOST_SLICES = 32;

  private static final int MOST_NAME_CHARS = 128;

  private Contracts() {}

  /**
   * Checks a contract.
   *
   * @param model as texts name it
   * @throws TableException naming the first fault
   */
  static void verify(String model, DataContract contract) {
    boolean fits =
        contract.getPrivacy().getClearColumnsList().stream()
            .allMatch(column -> isColumn(column, contract));
    check(fits, model + " has a contract whose columns do not fit its features");
    check(
        contract.getSlicesCount() <= MOST_SLICES,
        model
            + " has a contract with "
            + contract.getSlicesCount()
            + " slices (expected: at most "
            + MOST_SLICES
            + ")");
    eventTime(model, contract);
    for (SliceRule rule : contract.getSlicesList()) {
      slice(model, rule, contract);
    }
  }

  private static void eventTime(String model, DataContract contract) {
    if (!contract.hasEventTime()) {
      return;
    }
    String column = contract.getEventTime().getColumn();
    boolean known =
        Stream.concat(
                contract.getFeaturesList().stream(),
                contract.getInputsList().stream().flatMap(in -> in.getFeaturesList().stream()))
            .anyMatch(feature -> feature.getName().equals(column));
    check(
        contract.getEventTime().getParameter().isEmpty() ? known : column.isEmpty(),
        model + " has a contract whose event time is neither a parameter nor a feature, or both");
  }

  private static void slice(String model, SliceRule rule, DataContract contract) {
    String name = model + " has a contract whose slice '" + rule.getName() + "'";
    int length = rule.getName().length();
    check(
        length >= 1 && length <= MOST_NAME_CHARS,
        model
            + " has a contract whose slice has a name of "
            + length
            + " characters (expected: 1 to "
            + MOST_NAME_CHARS
            + ")");
    if (rule.getPrincipal()) {
      check(
          !rule.getBatchSize() && !rule.getCategory() && rule.getEdgesCount() == 0,
          name + " is by principal and by something else");
      return;
    }
    check(
        rule.getBatchSize() || isColumn(rule.getColumn(), contract),
        model + " has a contract whose columns do not fit its features");
    check(
        rule.getCategory() != (rule.getEdgesCount() > 0),
        name + " has neither edges nor category, or both");
    check(
        ascend(rule.getEdgesList()),
        name + " has edges " + rule.getEdgesList() + " (expected: ascending)");
  }

  private static boolean isColumn(int column, DataContract contract) {
    return column >= 0 && column < contract.getFeaturesCount();
  }

  private static boolean ascend(List<Double> edges) {
    for (int i = 0; i < edges.size(); i++) {
      if (!Double.isFinite(edges.get(i)) || (i > 0 && edges.get(i) <= edges.get(i - 1))) {
        return false;
      }
    }
    return true;
  }
}
