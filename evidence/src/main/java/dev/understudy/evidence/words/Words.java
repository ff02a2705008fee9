package dev.understudy.evidence.words;

import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricSpec;
import org.jspecify.annotations.Nullable;

/**
 * What the evidence says, in sentences for people who run models and have never heard of sequential
 * tests. Pure: the same numbers give the same words.
 */
public final class Words {
  /** What has to happen for an undecided metric to be proved. */
  public sealed interface Outlook {
    /** About so many more observations, at so many a second (0: the rate is not known). */
    record Needs(long observations, double seconds) implements Outlook {}

    /** Nothing has been observed. */
    record NothingYet() implements Outlook {}

    /** The evidence does not grow. */
    record NotAtThisRate() implements Outlook {}
  }

  private Words() {}

  /** "evidence against: 41× (stops at 100×)". */
  public static String evidenceAgainst(double log, double logStop) {
    return "evidence against: "
        + Numbers.strength(log)
        + " (stops at "
        + Numbers.level(logStop)
        + ")";
  }

  /** "proved: errors at most 1 point higher". */
  public static String proved(MetricSpec metric) {
    return proved(claim(metric));
  }

  /** "proved: " and what. */
  public static String proved(String claim) {
    return "proved: " + claim;
  }

  /** "against: the challenger fails more often than the champion; evidence against: 120× (…)". */
  public static String against(MetricSpec metric, double log, double logStop) {
    return against(reproach(metric), log, logStop);
  }

  /** "against: ", what is held against the challenger, and how strongly. */
  public static String against(String reproach, double log, double logStop) {
    return "against: " + reproach + "; " + evidenceAgainst(log, logStop);
  }

  /** "needs about 3,100 more requests, 40 s at this rate", after the evidence against, if any. */
  public static String undecided(
      MetricKind kind, boolean shadow, Outlook outlook, double log, double logStop) {
    return undecided(unit(kind, shadow), outlook, log, logStop);
  }

  /** The same for observations of which the word is given. */
  public static String undecided(String unit, Outlook outlook, double log, double logStop) {
    String hope = outlook(unit, outlook);
    return log > StrictMath.log(2) ? evidenceAgainst(log, logStop) + "; " + hope : hope;
  }

  /** "latency cannot be judged: no control arm". */
  public static String cannotMeasure(MetricKind kind, String reason) {
    return subject(kind) + " cannot be judged: " + reason;
  }

  /** What would change a result that is proved. */
  public static String flipsProved(double logFor, double logNeeded, double logStop) {
    return "open again if the proof ("
        + Numbers.strength(logFor)
        + ") falls below "
        + Numbers.level(logNeeded)
        + "; stopped if the evidence against reaches "
        + Numbers.level(logStop);
  }

  /** What would change a result that is undecided. */
  public static String flipsUndecided(
      MetricSpec metric, double logFor, double logNeeded, double logStop) {
    return flipsUndecided(claim(metric), logFor, logNeeded, logStop);
  }

  /** The same for a claim that is given. */
  public static String flipsUndecided(
      String claim, double logFor, double logNeeded, double logStop) {
    return "proved when the evidence for \""
        + claim
        + "\" ("
        + Numbers.strength(logFor)
        + ") reaches "
        + Numbers.level(logNeeded)
        + "; stopped if the evidence against reaches "
        + Numbers.level(logStop);
  }

  /** What would change a result against. */
  public static String flipsAgainst() {
    return "another version: the evidence stays with this one, also when it is tried again";
  }

  /** What is shown when shares are as configured, or not known yet. */
  public static String splitHolds(double actual, double expected) {
    if (Double.isNaN(actual)) {
      return "no request has been split yet";
    }
    return "no sign against the split: "
        + Numbers.percent(actual)
        + " to the challenger, configured "
        + Numbers.percent(expected);
  }

  /** "the split is not what was configured: 7.1 % to the challenger instead of 5 %". */
  public static String splitWrong(double actual, double expected) {
    return "the split is not what was configured: "
        + Numbers.percent(actual)
        + " to the challenger instead of "
        + Numbers.percent(expected);
  }

  /** "20 failures in a row on the challenger (stops at 20)". */
  public static String failuresInARow(long run, long limit) {
    return Numbers.count(run)
        + " failures in a row on the challenger (stops at "
        + Numbers.count(limit)
        + ")";
  }

  /** "20 answers in a row that are not finite numbers (stops at 20)". */
  public static String notFiniteInARow(long run, long limit) {
    return Numbers.count(run)
        + " answers of the challenger in a row that are not finite numbers (stops at "
        + Numbers.count(limit)
        + ")";
  }

  /** "the challenger could not be asked for 5 s in a row: its circuit breaker is open (…)". */
  public static String unavailable(boolean breakerOpen, long seconds, long limit) {
    return "the challenger could not be asked for "
        + Numbers.count(seconds)
        + " s in a row: "
        + (breakerOpen ? "its circuit breaker is open" : "no server of it is ready")
        + " (stops at "
        + Numbers.count(limit)
        + " s)";
  }

  /** The one line over all metrics. */
  public static String overall(
      Overall overall, @Nullable String detail, double log, double logStop) {
    return switch (overall) {
      case GUARDRAIL, WATCH -> "stop: " + detail;
      case AGAINST -> "stop: " + evidenceAgainst(log, logStop);
      case PROVED -> "every critical metric that can be judged now is proved";
      case UNDECIDED -> detail == null ? evidenceAgainst(log, logStop) : "undecided: " + detail;
      case CANNOT_MEASURE -> "nothing critical can be judged now";
    };
  }

  /** What the one line says. */
  public enum Overall {
    /** A guardrail spoke. */
    GUARDRAIL,
    /** After the promotion the new version got worse. */
    WATCH,
    /** The evidence against passed its level. */
    AGAINST,
    /** All critical metrics that can be measured are proved. */
    PROVED,
    /** At least one is open. */
    UNDECIDED,
    /** None can be measured. */
    CANNOT_MEASURE
  }

  /** What is counted when traffic is split by key. */
  public static final String KEYS = "keys";

  /** What is proved about failures when traffic is split by key. */
  public static String claimByKey(double margin, int seconds) {
    String share = "share of keys that fail within " + seconds + " s of being first seen ";
    return share + (margin == 0 ? "no higher" : "at most " + Numbers.points(margin) + " higher");
  }

  /** What is proved about answers when the champion's own noise is taken off. */
  public static String claimAboveNoise(double margin) {
    return "answers differ from the champion's by at most "
        + Numbers.decimal(margin)
        + " more than the champion's differ from themselves, on average (scale 0 to 1)";
  }

  /** What is held against answers when the champion's own noise is taken off. */
  public static String reproachAboveNoise(double limit) {
    return "answers differ from the champion's by more than "
        + Numbers.decimal(limit)
        + " above what the champion's differ from themselves, on average";
  }

  /** Why the noise cannot be taken off yet. */
  public static String noTriplesYet() {
    return "no request yet of which both copies, the challenger's and the champion's own, were"
        + " compared";
  }

  /** Why outcomes are refused: those of one decision are missing. */
  public static String outcomesDependOnDecision(boolean positiveMissing) {
    String missing = positiveMissing ? "at or above" : "below";
    String there = positiveMissing ? "below" : "at or above";
    return "outcomes are missing where the score is "
        + missing
        + " the cut-off, and come where it is "
        + there
        + ", so whether an outcome is known depends on the decision";
  }

  /** Why outcomes of one arm alone are refused. */
  public static String outcomesDependOnArm() {
    return "outcomes do not arrive in equal shares for both arms, so their absence may depend on"
        + " the arm";
  }

  /** What people call the metric. */
  public static String subject(MetricKind kind) {
    return switch (kind) {
      case FAILURES -> "errors";
      case LATENCY -> "latency";
      case DIVERGENCE -> "difference of answers";
      case CHANGED_DECISIONS -> "changed decisions";
      case QUALITY -> "quality";
      case METRIC_KIND_UNSPECIFIED, UNRECOGNIZED -> "this metric";
    };
  }

  /** "errors at most 1 point higher": what is shown when the metric is proved. */
  public static String claim(MetricSpec metric) {
    double margin = metric.getMargin();
    return switch (metric.getKind()) {
      case FAILURES ->
          margin == 0
              ? "errors no more frequent"
              : "errors at most " + Numbers.points(margin) + " higher";
      case LATENCY ->
          "latency ("
              + Numbers.percentile(metric.getQuantile())
              + ") at most "
              + Numbers.percent(margin)
              + " higher";
      case DIVERGENCE ->
          "answers differ by at most " + Numbers.decimal(margin) + " on average (scale 0 to 1)";
      case CHANGED_DECISIONS ->
          "at most " + Numbers.percent(margin) + " of decisions change (mean over requests)";
      case QUALITY -> LossWords.claim(metric.getLoss(), margin);
      case METRIC_KIND_UNSPECIFIED, UNRECOGNIZED -> metric.getName();
    };
  }

  /** "the challenger fails more often than the champion": what is held against it. */
  public static String reproach(MetricSpec metric) {
    double limit = metric.getLimit();
    return switch (metric.getKind()) {
      case FAILURES ->
          limit == 1
              ? "the challenger fails more often than the champion"
              : "the challenger fails more than "
                  + Numbers.decimal(limit)
                  + " times as often as the champion";
      case LATENCY ->
          "latency ("
              + Numbers.percentile(metric.getQuantile())
              + ") more than "
              + Numbers.percent(metric.getMargin())
              + " higher";
      case DIVERGENCE -> "answers differ by more than " + Numbers.decimal(limit) + " on average";
      case CHANGED_DECISIONS ->
          "more than " + Numbers.percent(limit) + " of decisions change (mean over requests)";
      case QUALITY -> LossWords.reproach(metric.getLoss(), limit);
      case METRIC_KIND_UNSPECIFIED, UNRECOGNIZED -> metric.getName();
    };
  }

  private static String outlook(String unit, Outlook outlook) {
    return switch (outlook) {
      case Outlook.Needs(long observations, double seconds) ->
          "needs about "
              + Numbers.about(observations)
              + " more "
              + unit
              + (seconds > 0 ? ", " + Numbers.duration(seconds) + " at this rate" : "");
      case Outlook.NothingYet() -> "no " + unit + " yet";
      case Outlook.NotAtThisRate() -> "not proved, and not on the way to it at this rate";
    };
  }

  /** What is counted for a metric, on copies or on answers to customers. */
  public static String unit(MetricKind kind, boolean shadow) {
    return switch (kind) {
      case FAILURES -> shadow ? "compared requests" : "requests";
      case LATENCY -> "seconds of traffic";
      case DIVERGENCE -> "compared requests";
      case CHANGED_DECISIONS -> "requests with compared decisions";
      case QUALITY -> "outcomes";
      case METRIC_KIND_UNSPECIFIED, UNRECOGNIZED -> "observations";
    };
  }
}
