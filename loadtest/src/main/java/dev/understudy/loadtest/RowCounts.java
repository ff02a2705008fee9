package dev.understudy.loadtest;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/** How many rows a request has. */
public final class RowCounts {
  private static final int MOST = 1_000_000;

  private record Part(int from, int to, double upTo) {}

  private final List<Part> parts;
  private final double weight;

  private RowCounts(List<Part> parts) {
    this.parts = List.copyOf(parts);
    this.weight = parts.getLast().upTo();
  }

  /** Always so many. */
  public static RowCounts of(int rows) {
    return parse(Integer.toString(rows));
  }

  /**
   * Reads {@code 8} (always), {@code 1-64} (each as likely), or a list with weights such as {@code
   * 1:80,2-16:15,64:5}.
   *
   * @throws IllegalArgumentException if the text is none of these
   */
  public static RowCounts parse(String text) {
    List<Part> parts = new ArrayList<>();
    double sum = 0;
    for (String part : text.split(",", -1)) {
      try {
        int colon = part.indexOf(':');
        String range = colon < 0 ? part : part.substring(0, colon);
        double weight = colon < 0 ? 1 : Double.parseDouble(part.substring(colon + 1));
        int dash = range.indexOf('-');
        int from = Integer.parseInt((dash < 0 ? range : range.substring(0, dash)).strip());
        int to = dash < 0 ? from : Integer.parseInt(range.substring(dash + 1).strip());
        if (from < 1 || to < from || to > MOST || !(weight > 0) || Double.isInfinite(weight)) {
          throw new NumberFormatException("out of range");
        }
        sum += weight;
        parts.add(new Part(from, to, sum));
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException(
            String.format(
                Locale.ROOT,
                "rows: '%s' (expected: N, FROM-TO or a list with weights like 1:80,2-16:20;"
                    + " 1 to 1000000)",
                text),
            e);
      }
    }
    return new RowCounts(parts);
  }

  /** Draws one. */
  public int next(SplittableRandom random) {
    double at = random.nextDouble() * weight;
    for (Part part : parts) {
      if (at < part.upTo()) {
        return part.from() + random.nextInt(part.to() - part.from() + 1);
      }
    }
    return parts.getLast().to();
  }
}
