package dev.understudy.modelkit.repository;

import dev.understudy.modelkit.data.Column;
import dev.understudy.modelkit.data.Column.Kind;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What a probability model expects and how its answers are read, as {@code contract.yaml}.
 *
 * @param model name of the model
 * @param input name of the tensor with one column per feature
 * @param columns the features, in order
 * @param output name of the tensor with the probabilities
 * @param positiveColumn which of its columns is the positive class
 * @param cutoff probability from which on a row is flagged
 * @param slices parts of the traffic that are looked at separately
 * @param logged features that may leave the router in clear
 */
public record DataContract(
    String model,
    String input,
    List<Column> columns,
    String output,
    int positiveColumn,
    double cutoff,
    List<Slice> slices,
    List<String> logged) {

  /** A way to cut traffic into parts. */
  public sealed interface Slice {
    /** Name of the column that decides. */
    String column();

    /**
     * Parts between edges of a number.
     *
     * @param edges rising
     */
    @SuppressWarnings("ArrayRecordComponent") // only ever written out
    record Edges(String column, double... edges) implements Slice {}

    /** One part per category. */
    record Category(String column) implements Slice {}
  }

  /** The file's text. */
  public String yaml() {
    var text = new StringBuilder();
    text.append("contract: ").append(model).append("/1\n");
    text.append("features:\n  input: ").append(input).append("\n  columns:\n");
    for (Column column : columns) {
      text.append("    - {name: ").append(column.name());
      if (column.kind() == Kind.CATEGORY) {
        text.append(", kind: category}\n");
      } else {
        text.append(", min: ").append(number(column.min()));
        text.append(", max: ").append(number(column.max()));
        text.append(column.optional() ? ", missing: nan}\n" : "}\n");
      }
    }
    text.append("decision:\n  output: ").append(output).append("\n  kind: probabilities\n");
    text.append("  column: ").append(positiveColumn).append('\n');
    text.append("  cutoff: ").append(number(cutoff)).append("\nslices:\n");
    for (Slice slice : slices) {
      text.append("  - {name: ").append(slice.column()).append(", column: ").append(slice.column());
      switch (slice) {
        case Slice.Edges(String column, double[] edges) ->
            text.append(", edges: [")
                .append(
                    Arrays.stream(edges)
                        .mapToObj(DataContract::number)
                        .collect(Collectors.joining(", ")))
                .append("]}\n");
        case Slice.Category category -> text.append(", category: true}\n");
      }
    }
    text.append("privacy:\n  log: [").append(String.join(", ", logged)).append("]\n");
    return text.toString();
  }

  private static String number(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }
}
