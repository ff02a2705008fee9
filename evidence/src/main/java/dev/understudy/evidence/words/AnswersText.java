package dev.understudy.evidence.words;

import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.ExamplePair;
import dev.understudy.proto.v1.Measure;
import dev.understudy.proto.v1.MeasureReport;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceReport;
import dev.understudy.proto.v1.SwapSet;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** How the answers differ: measures above their noise, decisions that change, slices, examples. */
final class AnswersText {
  private static final int SLICES = 10;
  private static final int EXAMPLES = 3;
  private static final double UNITS = 1024;

  private AnswersText() {}

  static void write(Page page, EvidenceReport report) {
    measures(page, report);
    swaps(page, report.getSwapSet());
    slices(page, report);
    examples(page, report.getExamplesList());
  }

  private static void measures(Page page, EvidenceReport report) {
    if (report.getMeasuresCount() == 0) {
      return;
    }
    page.heading("How answers differ (0: equal, 1: as different as can be)");
    boolean noise =
        report.getMeasuresList().stream().anyMatch(m -> !Double.isNaN(m.getNoiseMean()));
    List<List<String>> rows = new ArrayList<>();
    List<String> titles = new ArrayList<>(List.of("output", "measure", "pairs", "mean", "worst"));
    if (noise) {
      titles.add("champion vs itself");
    }
    titles.add("max abs");
    rows.add(titles);
    for (MeasureReport m : report.getMeasuresList()) {
      List<String> row =
          new ArrayList<>(
              List.of(
                  m.getOutput(),
                  measure(m.getMeasure()),
                  Numbers.count(m.getPairs()),
                  Numbers.decimal(m.getMean()),
                  Numbers.decimal(m.getMax())));
      if (noise) {
        row.add(Double.isNaN(m.getNoiseMean()) ? "" : Numbers.decimal(m.getNoiseMean()));
      }
      row.add(m.getMaxAbs() > 0 ? Numbers.decimal(m.getMaxAbs()) : "");
      rows.add(row);
    }
    page.table(2, rows);
    if (report.getBatchSizeDiffers() > 0) {
      page.sentence(
          "In "
              + Page.counted(report.getBatchSizeDiffers(), "pair")
              + " the two sides were computed in batches of different sizes, which alone can change"
              + " the last digits.");
    }
  }

  private static String measure(Measure measure) {
    return switch (measure) {
      case TOTAL_VARIATION -> "probability moved";
      case JENSEN_SHANNON -> "Jensen-Shannon";
      case SQUARED_HELLINGER -> "squared Hellinger";
      case TOP_ONE -> "another first choice";
      case TOP_K -> "missing from the first k";
      case DIFFERENT -> "not the same";
      case BEYOND_TOLERANCE -> "beyond tolerance";
      case COSINE -> "angle (cosine)";
      case RANK_BIASED -> "order, top first";
      case KENDALL -> "order (Kendall)";
      case EDIT_DISTANCE -> "text edited";
      case MEASURE_UNSPECIFIED, UNRECOGNIZED -> "difference";
    };
  }

  private static void swaps(Page page, SwapSet swaps) {
    long changed = swaps.getToPositive() + swaps.getToNegative();
    if (swaps.getPairs() == 0 || changed == 0) {
      return;
    }
    page.heading("Changed decisions");
    page.sentence(
        Numbers.count(changed)
            + " of "
            + Numbers.count(swaps.getPairs())
            + " ("
            + Numbers.percent((double) changed / (double) swaps.getPairs())
            + "): "
            + Numbers.count(swaps.getToPositive())
            + " from no to yes, "
            + Numbers.count(swaps.getToNegative())
            + " from yes to no.");
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("champion's score", "no to yes", "yes to no"));
    int bands = Math.min(swaps.getToPositiveByBandCount(), swaps.getToNegativeByBandCount());
    for (int i = 0; i < bands; i++) {
      long yes = swaps.getToPositiveByBand(i);
      long no = swaps.getToNegativeByBand(i);
      if (yes + no > 0) {
        String band =
            Numbers.decimal((double) i / bands) + " – " + Numbers.decimal((i + 1.0) / bands);
        rows.add(List.of(band, Numbers.count(yes), Numbers.count(no)));
      }
    }
    if (rows.size() > 1) {
      page.table(1, rows);
    }
  }

  private static void slices(Page page, EvidenceReport report) {
    if (report.getSlicesCount() == 0) {
      return;
    }
    page.heading("Worst slices of the traffic");
    List<SliceReport> shown = report.getSlicesList().stream().limit(SLICES).toList();
    for (SliceReport slice : shown) {
      page.sentence(slice.getAgainst() ? "  ✗ " : "    ", slice(slice));
    }
    if (shown.size() < report.getSlicesCount()) {
      page.sentence("    ", "and " + (report.getSlicesCount() - shown.size()) + " more");
    }
    if (report.getSliceHypotheses() > 0) {
      page.sentence(
          "Searched among "
              + Numbers.count(report.getSliceHypotheses())
              + " questions; ✗ marks what is not explained by having searched so widely.");
    }
  }

  private static String slice(SliceReport slice) {
    if (!slice.getStatement().isEmpty()) {
      return slice.getStatement();
    }
    return label(slice.getLabel())
        + ": "
        + Page.counted(slice.getPairs(), "pair")
        + ", "
        + Numbers.percent(slice.getChangedShare())
        + " of decisions change, mean difference "
        + Numbers.decimal(slice.getMeanDivergence());
  }

  static String label(SliceLabel label) {
    return label.getSlice() + "=" + label.getValue();
  }

  private static void examples(Page page, List<ExamplePair> examples) {
    if (examples.isEmpty()) {
      return;
    }
    page.heading("Most different answers");
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("prediction", "slices", "difference", "champion", "challenger"));
    for (ExamplePair example : examples.subList(0, Math.min(EXAMPLES, examples.size()))) {
      rows.add(
          List.of(
              example.getPredictionId(),
              example.getSlicesList().stream()
                  .map(AnswersText::label)
                  .collect(Collectors.joining(" ")),
              Numbers.decimal(example.getDivergence() / UNITS),
              Numbers.decimal(example.getChampionScore()),
              Numbers.decimal(example.getScore())));
    }
    page.table(2, rows);
  }
}
