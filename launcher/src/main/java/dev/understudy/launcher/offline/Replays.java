package dev.understudy.launcher.offline;

import dev.understudy.evidence.fold.Replay;
import dev.understudy.evidence.rule.KayentaRule;
import dev.understudy.evidence.rule.ThresholdRule;
import dev.understudy.evidence.words.ReportText;
import dev.understudy.proto.v1.EvidenceReport;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** A log judged once more, and what came of it in words. */
public final class Replays {
  /** Who else is asked. */
  public enum Beside {
    ARGO,
    KAYENTA,
    ALL
  }

  private Replays() {}

  /**
   * Begins a replay.
   *
   * @param plan to judge under, or null for the log's own
   * @throws OfflineException when the plan cannot be read
   */
  public static Replay.Run run(@Nullable Path plan, ThresholdRule argo, KayentaRule kayenta)
      throws IOException, OfflineException {
    return new Replay.Run(
        plan == null ? UnaryOperator.identity() : Judgement.under(plan), argo, kayenta);
  }

  /** When it was decided, and what the others would have done. */
  public static List<String> lines(Replay replay, Beside beside) {
    List<String> lines = new ArrayList<>();
    lines.add("On the same seconds");
    lines.add("  Understudy         " + ours(replay));
    if (beside != Beside.KAYENTA) {
      lines.add("  Argo-style rule    " + argo(replay));
    }
    if (beside != Beside.ARGO) {
      lines.add("  Kayenta-style      " + kayenta(replay.kayenta()));
    }
    return lines;
  }

  private static String ours(Replay replay) {
    EvidenceReport report = replay.report();
    if (replay.firstAgainstSequence() != 0) {
      return at("against", replay.firstAgainstSequence(), replay.firstAgainstUnixMs());
    }
    if (replay.firstProvedSequence() != 0) {
      return at("proved", replay.firstProvedSequence(), replay.firstProvedUnixMs())
          + (report.getOverall() == dev.understudy.proto.v1.Result.PROVED
              ? ""
              : ", "
                  + ReportText.result(report.getOverall()).toLowerCase(Locale.ROOT)
                  + " at the end");
    }
    return ReportText.result(report.getOverall()).toLowerCase(Locale.ROOT)
        + " to the end ("
        + report.getLogSequence()
        + " records)";
  }

  private static String at(String what, long sequence, long unixMs) {
    return what + " at record " + sequence + ", " + Instant.ofEpochMilli(unixMs);
  }

  private static String argo(Replay replay) {
    ThresholdRule.Decision rule = replay.rule();
    if (rule.stopped()) {
      return String.format(
          Locale.ROOT,
          "stops it at %s, after %,d requests (window %d)",
          Instant.ofEpochSecond(rule.second()),
          rule.requests(),
          rule.windows());
    }
    return rule.windows() == 0
        ? "never looks: no full window of requests with the challenger answering a share"
        : String.format(Locale.ROOT, "lets it pass (%,d windows)", rule.windows());
  }

  private static String kayenta(KayentaRule.Decision judged) {
    if (judged.looks() == 0) {
      return "never looks: too few intervals with the challenger answering a share";
    }
    List<String> metrics =
        judged.metrics().stream()
            .map(metric -> metric.name() + " " + metric.call().name().toLowerCase(Locale.ROOT))
            .toList();
    String score =
        String.format(Locale.ROOT, "score %.0f (%s)", judged.score(), String.join(", ", metrics));
    if (judged.stopped()) {
      return "stops it at " + Instant.ofEpochSecond(judged.second()) + ", " + score;
    }
    return (judged.passed() ? "lets it pass, " : "does not let it pass, ")
        + score
        + ", "
        + judged.looks()
        + (judged.looks() == 1 ? " look" : " looks");
  }
}
