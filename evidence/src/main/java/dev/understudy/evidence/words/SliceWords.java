package dev.understudy.evidence.words;

import dev.understudy.proto.v1.Loss;
import dev.understudy.proto.v1.SliceLabel;

/** What is said about one slice: "country=UY: errors 3.1 % instead of 0.4 %". */
public final class SliceWords {
  private SliceWords() {}

  /** Name and value before what is said. */
  public static String of(SliceLabel label, String said) {
    return label.getSlice() + "=" + label.getValue() + ": " + said;
  }

  /** Shares of failed requests. */
  public static String failures(double challenger, double champion) {
    return "errors " + Numbers.percent(challenger) + instead(Numbers.percent(champion));
  }

  /** A quantile of both latencies, in seconds. */
  public static String latency(double quantile, double challenger, double champion) {
    return Numbers.percentile(quantile)
        + " "
        + Numbers.decimal(challenger * 1000)
        + " ms"
        + instead(Numbers.decimal(champion * 1000) + " ms");
  }

  /** Mean difference of the answers, here and over all. */
  public static String divergence(double here, double overall) {
    return "answers differ by "
        + Numbers.decimal(here)
        + " on average"
        + (Double.isNaN(overall) ? "" : ", over all slices by " + Numbers.decimal(overall));
  }

  /** The same beside what the champion differs from itself here. */
  public static String divergenceAboveNoise(double here, double noise) {
    return "answers differ by "
        + Numbers.decimal(here)
        + " on average"
        + (Double.isNaN(noise)
            ? ""
            : ", the champion's from themselves by " + Numbers.decimal(noise));
  }

  /** Shares of changed decisions, here and over all. */
  public static String changed(double here, double overall) {
    return Numbers.percent(here)
        + " of decisions change"
        + (Double.isNaN(overall) ? "" : ", over all slices " + Numbers.percent(overall));
  }

  /** Mean losses. */
  public static String quality(Loss loss, double challenger, double champion) {
    return loss == Loss.ZERO_ONE
        ? "wrong decisions " + Numbers.percent(challenger) + instead(Numbers.percent(champion))
        : LossWords.name(loss)
            + " "
            + Numbers.decimal(challenger)
            + instead(Numbers.decimal(champion));
  }

  /** Only as much as has been compared. */
  public static String nothingToTest(long pairs) {
    return Numbers.count(pairs) + " compared requests";
  }

  private static String instead(String champion) {
    return " instead of " + champion;
  }
}
