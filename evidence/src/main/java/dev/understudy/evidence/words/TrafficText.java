package dev.understudy.evidence.words;

import dev.understudy.proto.v1.ArmReport;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.Role;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** Who answered what, whether the split held, what is missing, and what the report rests on. */
final class TrafficText {
  private TrafficText() {}

  static void write(Page page, EvidenceReport report) {
    arms(page, report);
    if (report.hasSplit()) {
      page.sentence("Split: " + report.getSplit().getStatement() + ".");
    }
    missing(page, report);
    basis(page, report);
  }

  private static void arms(Page page, EvidenceReport report) {
    page.heading("Traffic");
    if (report.getArmsCount() == 0) {
      page.sentence("None yet.");
      return;
    }
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        List.of(
            "arm", "version", "requests", "errors", "share", "rescued", "longest row of errors"));
    for (ArmReport arm : report.getArmsList()) {
      long judged = arm.getOk() + arm.getBad();
      rows.add(
          List.of(
              arm(arm.getRole()),
              arm.getVersion(),
              Numbers.count(arm.getAssigned()),
              Numbers.count(arm.getBad()),
              judged == 0 ? "" : Numbers.percent((double) arm.getBad() / (double) judged),
              arm.getRescued() == 0 ? "" : Numbers.count(arm.getRescued()),
              arm.getLongestBadRun() == 0 ? "" : Numbers.count(arm.getLongestBadRun())));
    }
    page.table(2, rows);
    for (ArmReport arm : report.getArmsList()) {
      if (arm.getRole() == Role.CANARY && arm.getFirstBadUnixMs() > 0) {
        page.sentence("First error of the challenger at " + time(arm.getFirstBadUnixMs()) + ".");
      }
    }
    if (report.getPairs() > 0) {
      page.sentence(
          Page.counted(report.getPairs(), "request")
              + " went to both: "
              + Numbers.count(report.getPairDiscordantCopyBad())
              + " failed only on the challenger, "
              + Numbers.count(report.getPairDiscordantChampionBad())
              + " only on the champion, "
              + Numbers.count(report.getPairBothBad())
              + " on both.");
    }
    if (report.getLabels() > 0) {
      page.sentence(
          Page.counted(report.getLabels(), "outcome")
              + " arrived, "
              + Numbers.count(report.getLabelsPaired())
              + " of them judged both versions on the same case.");
    }
  }

  private static String arm(Role role) {
    return switch (role) {
      case CHAMPION, CONTROL -> Page.word(role);
      case CANARY -> "challenger";
      case SHADOW -> "challenger, copies";
      case MIRRORED_CONTROL -> "control, copies";
      case BENCHMARK -> "benchmark, copies";
      case ROLE_UNSPECIFIED, UNRECOGNIZED -> "other";
    };
  }

  private static void missing(Page page, EvidenceReport report) {
    List<String> missing = new ArrayList<>();
    long leftOut = report.getArmsList().stream().mapToLong(ArmReport::getLeftOut).sum();
    long cancelled = report.getArmsList().stream().mapToLong(ArmReport::getCensored).sum();
    note(missing, leftOut, "request", " served but not judged (chosen by header or by the client)");
    note(missing, cancelled, "request", " cancelled by the client");
    note(missing, report.getPairsDropped(), "copy", " not sent because a bound was reached");
    note(missing, report.getLateBlocks(), "second", " came late: counted, but not for latency");
    note(missing, report.getGaps(), "second", " of some router lost");
    note(missing, report.getMalformed(), "record", " could not be read and were skipped");
    if (!missing.isEmpty()) {
      page.heading("Left out or missing");
      missing.forEach(page::sentence);
    }
  }

  private static void note(List<String> notes, long count, String what, String why) {
    if (count > 0) {
      String plural = what.equals("copy") ? "copies" : what + "s";
      notes.add(Numbers.count(count) + " " + (count == 1 ? what : plural) + why);
    }
  }

  private static void basis(Page page, EvidenceReport report) {
    page.heading("What this rests on");
    page.sentence(
        "An acceptable version is stopped in at most "
            + Numbers.percent(report.getAlpha())
            + " of rollouts; a version worse than its margin is proved in at most "
            + Numbers.percent(report.getBeta())
            + ", for each metric of this attempt, however often one looks.");
    page.sentence(
        Page.counted(report.getBlocks(), "second")
            + " of traffic; log up to record "
            + Numbers.count(report.getLogSequence())
            + (report.getAsOfUnixMs() > 0 ? ", " + time(report.getAsOfUnixMs()) : "")
            + (report.getStopped() ? "; the evaluation has ended" : ""));
    if (!report.getSpecDigest().isEmpty()) {
      page.sentence("Plan as judged: " + report.getSpecDigest());
    }
  }

  private static String time(long unixMs) {
    return Instant.ofEpochMilli(unixMs).toString();
  }
}
