package dev.understudy.evidence.simulation;

import java.util.List;
import java.util.Locale;

/** Measurements as a Markdown table, one heading for each group. */
public final class Table {
  private Table() {}

  /** All of them, groups in order of first appearance. */
  public static String of(List<Measured> measured) {
    StringBuilder text = new StringBuilder(4096);
    for (String group : measured.stream().map(m -> m.experiment().group()).distinct().toList()) {
      text.append("| ")
          .append(group)
          .append(" | Promise | Measured | 95 % interval | Median | Runs |\n")
          .append("|---|---|---|---|---|---|\n");
      measured.stream()
          .filter(m -> m.experiment().group().equals(group))
          .forEach(m -> text.append(row(m)));
      text.append('\n');
    }
    return text.toString();
  }

  private static String row(Measured m) {
    String median =
        m.median() == Experiment.NEVER ? "–" : String.format(Locale.ROOT, "%,d", m.median());
    return String.format(
        Locale.ROOT,
        "| %s | %s | %.2f %%%s | %.2f to %.2f %% | %s | %,d |\n",
        m.experiment().name(),
        m.experiment().promise().words(),
        100 * m.share(),
        m.kept() ? "" : " **not kept**",
        100 * m.low(),
        100 * m.high(),
        median,
        m.runs());
  }
}
