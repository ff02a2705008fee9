package dev.understudy.launcher.cli;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import dev.understudy.evidence.fold.Relabel;
import dev.understudy.evidence.fold.Relabelled;
import dev.understudy.evidence.words.Numbers;
import dev.understudy.proto.v1.ArmReport;
import dev.understudy.proto.v1.DecisionRecord;
import dev.understudy.proto.v1.InjectedFault;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RolloutStatus;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What came out of a drill, in numbers and in words. Times are wall clocks: the first failure by
 * the router that saw it, everything else by the controller. Counts are those of the evidence, up
 * to the last second that it holds.
 *
 * @param status the drill's rollout after its end
 * @param alarms of relabelled copies of its log; null where none were made
 */
record DrillResult(RolloutStatus status, @Nullable Relabelled alarms) {
  private static final DateTimeFormatter CLOCK =
      DateTimeFormatter.ofPattern("HH:mm:ss.SSS", Locale.ROOT).withZone(ZoneId.systemDefault());

  /** Whether the evidence, and nobody's hand, stopped it. */
  boolean stoppedByEvidence() {
    return status.getPhase() == Phase.DEGRADED && status.getReason().equals("Aborted");
  }

  /** Whether it ran to its end. */
  boolean ranToItsEnd() {
    return status.getPhase() == Phase.HEALTHY;
  }

  /**
   * When the canary first answered badly, or with a delay alone, when it got its share; 0: never.
   */
  long faultMillis() {
    long firstBad = arm(Role.CANARY).getFirstBadUnixMs();
    if (fault().getErrorsBp() > 0 && firstBad > 0) {
      return firstBad;
    }
    for (DecisionRecord decision : status.getDecisionsList()) {
      if (decision.getCanaryWeightBp() > 0) {
        return decision.getAppliedUnixMs() > 0 ? decision.getAppliedUnixMs() : decision.getUnixMs();
      }
    }
    return 0;
  }

  private @Nullable DecisionRecord stop() {
    for (DecisionRecord decision : status.getDecisionsList()) {
      if (decision.getPhase() == Phase.ABORTING) {
        return decision;
      }
    }
    return null;
  }

  /** From the first injected fault to the verdict; -1: there was none. */
  long detectionMillis() {
    DecisionRecord stop = stop();
    return stop == null || faultMillis() == 0 || !stoppedByEvidence()
        ? -1
        : Math.max(0, stop.getUnixMs() - faultMillis());
  }

  /** From the verdict until the last router had the canary out; -1: not heard of. */
  long toZeroMillis() {
    DecisionRecord stop = stop();
    return stop == null || stop.getAppliedUnixMs() == 0
        ? -1
        : Math.max(0, stop.getAppliedUnixMs() - stop.getUnixMs());
  }

  /**
   * First attempts on the canary that were answered badly and that nobody had rescued when the
   * evidence ended: at most so many clients saw an error. A rescue is counted when it has
   * succeeded, so those under way in the last second are among them.
   */
  long seenByClients() {
    ArmReport canary = arm(Role.CANARY);
    return Math.max(0, canary.getBad() - canary.getRescued());
  }

  private InjectedFault fault() {
    return status.getPlan().getDrill().getFault();
  }

  private ArmReport arm(Role role) {
    for (ArmReport arm : status.getEvidence().getArmsList()) {
      if (arm.getRole() == role) {
        return arm;
      }
    }
    return ArmReport.getDefaultInstance();
  }

  // In words.

  /** What is about to happen. */
  static String announce(
      String model, String version, String share, String duration, String fault) {
    return "drill of "
        + model
        + ", version "
        + version
        + " against itself: "
        + share
        + " of the calls go to a canary, for at most "
        + duration
        + (fault.isEmpty() ? "; nothing is changed" : "; there " + fault);
  }

  /** A rehearsal in which nothing differs. */
  List<String> aaLines() {
    List<String> lines = new ArrayList<>();
    traffic(lines);
    double stop = status.getEvidence().getLogAgainstStop();
    if (alarms == null) {
      return lines;
    }
    lines.add(
        (ranToItsEnd()
                ? "It was not stopped."
                : "It was STOPPED although nothing differed: " + status.getHeadline() + ".")
            + " The evidence against it reached "
            + Numbers.strength(alarms.peakLogAgainst())
            + " at most (stops at "
            + Numbers.level(stop)
            + ").");
    lines.add("");
    lines.add("False alarms, measured on your own traffic");
    lines.add(
        "  "
            + Numbers.count(alarms.seconds())
            + " recorded seconds were relabelled "
            + Numbers.count(alarms.copies())
            + " times, and each copy was judged like a rollout.");
    lines.add(
        alarms.method() == Relabel.Method.SWAPPED_SECONDS
            ? "  In each second a fair coin decided whether canary and control change places: no"
                + " copy holds a difference between them."
            : "  There is no live control, so each outcome was dealt anew to canary or champion:"
                + " failures only, latency is not tested.");
    if (alarms.untouched() > 0) {
      lines.add(
          "  "
              + Numbers.count(alarms.untouched())
              + " seconds could not be relabelled: canary and control had other shares.");
    }
    lines.add(
        String.format(
            Locale.ROOT,
            "  %,d of %,d would have been stopped: %s (95 %%: %s to %s). Promised: at most %s.",
            alarms.stopped(),
            alarms.copies(),
            Numbers.percent(alarms.share()),
            percent(alarms.low()),
            percent(alarms.high()),
            Numbers.percent(alarms.alpha())));
    if (!alarms.keepsThePromise()) {
      lines.add(
          "  That is more than promised. Do the servers of canary and control fail more often than"
              + " the champion's? They would stop a harmless rollout too.");
    }
    lines.add(
        "  This tests the judge on your volume, bursts and stalls. Whether canary and control are"
            + " equally fast, the drill itself shows above.");
    return lines;
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", share * 100);
  }

  /** A rehearsal with faults. */
  List<String> faultLines(boolean rollback) {
    List<String> lines = new ArrayList<>();
    traffic(lines);
    ArmReport canary = arm(Role.CANARY);
    if (faultMillis() > 0) {
      row(lines, "first injected fault", clock(faultMillis()));
    }
    DecisionRecord stop = stop();
    if (stoppedByEvidence() && stop != null) {
      row(
          lines,
          "stopped",
          clock(stop.getUnixMs()) + ", " + seconds(detectionMillis()) + " after the first fault");
      row(lines, "because", stop.getReason());
    } else if (ranToItsEnd()) {
      row(lines, "stopped", "NEVER: the time was over before the fault was proved");
      row(lines, "what helps", "a larger --share, a longer --duration, or more traffic");
    } else {
      row(lines, "stopped", "by something else: " + status.getHeadline());
    }
    if (rollback && stop != null) {
      row(
          lines,
          "no canary traffic",
          toZeroMillis() < 0
              ? "not heard of from every router"
              : clock(stop.getAppliedUnixMs())
                  + ", "
                  + seconds(toZeroMillis())
                  + " after the verdict, at the last router");
    }
    row(lines, "answered badly by the canary", Numbers.count(canary.getBad()));
    row(lines, "rescued by the champion", Numbers.count(canary.getRescued()));
    row(lines, "seen by a client, at most", Numbers.count(seenByClients()));
    return lines;
  }

  private void traffic(List<String> lines) {
    lines.add(
        "  "
            + Numbers.count(arm(Role.CANARY).getAssigned())
            + " calls to the canary, "
            + Numbers.count(arm(Role.CONTROL).getAssigned())
            + " to the control, "
            + Numbers.count(arm(Role.CHAMPION).getAssigned())
            + " to the champion");
  }

  private static void row(List<String> lines, String name, String value) {
    lines.add(String.format(Locale.ROOT, "  %-30s%s", name, value));
  }

  private static String clock(long millis) {
    return CLOCK.format(Instant.ofEpochMilli(millis));
  }

  private static String seconds(long millis) {
    return millis < 0 ? "?" : String.format(Locale.ROOT, "%.2f s", millis / 1000.0);
  }

  // In numbers.

  /** For programs; a time that is not known is left out. */
  Struct json(String kind, boolean passed) {
    Struct.Builder json = Struct.newBuilder();
    text(json, "drill", kind);
    text(json, "rollout_id", status.getRolloutId());
    text(json, "model", status.getModel());
    text(json, "version", status.getChampionVersion());
    text(json, "phase", status.getPhase().name());
    text(json, "reason", status.getReason());
    json.putFields("passed", Value.newBuilder().setBoolValue(passed).build());
    number(json, "canary_requests", (double) arm(Role.CANARY).getAssigned());
    number(json, "canary_bad", (double) arm(Role.CANARY).getBad());
    number(json, "rescued", (double) arm(Role.CANARY).getRescued());
    number(json, "client_errors_at_most", (double) seenByClients());
    if (detectionMillis() >= 0) {
      number(json, "seconds_to_verdict", detectionMillis() / 1000.0);
    }
    if (stop() != null && toZeroMillis() >= 0) {
      number(json, "seconds_to_zero_canary_traffic", toZeroMillis() / 1000.0);
    }
    Relabelled measured = alarms;
    if (measured != null) {
      text(json, "relabelled_by", measured.method().name().toLowerCase(Locale.ROOT));
      number(json, "relabelled", measured.copies());
      number(json, "relabelled_stopped", measured.stopped());
      number(json, "false_alarm_share", measured.share());
      number(json, "false_alarm_share_low", measured.low());
      number(json, "false_alarm_share_high", measured.high());
      number(json, "false_alarm_share_promised", measured.alpha());
      number(json, "peak_log_against", measured.peakLogAgainst());
    }
    return json.build();
  }

  private static void text(Struct.Builder json, String name, String value) {
    json.putFields(name, Value.newBuilder().setStringValue(value).build());
  }

  private static void number(Struct.Builder json, String name, double value) {
    json.putFields(name, Value.newBuilder().setNumberValue(value).build());
  }
}
