package dev.understudy.launcher.cli;

import dev.understudy.chassis.config.Units;
import dev.understudy.comparator.log.EvidenceFile;
import dev.understudy.evidence.fold.Replay;
import dev.understudy.evidence.rule.KayentaRule;
import dev.understudy.evidence.rule.ThresholdRule;
import dev.understudy.launcher.offline.OfflineException;
import dev.understudy.launcher.offline.Replays;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceServiceGrpc;
import dev.understudy.proto.v1.ReadLogRequest;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code understudy rollout replay}: the same evidence once more, and what others make of it. */
@Command(
    name = "replay",
    description = {
      "Judge a rollout's evidence log once more: from a file, a folder of the comparator, or the"
          + " comparator itself.",
      "Without --with the report is the one that was served, to the bit; with another plan it is"
          + " what that plan would have made of the same seconds."
    },
    footer = {
      "",
      "Exit codes: 0 proved, 1 against, 2 the log or the plan cannot be used or the comparator"
          + " could not be asked, 3 undecided or cannot be measured."
    })
final class RolloutReplayCommand extends RpcCommand {
  @Parameters(paramLabel = "ROLLOUT|FILE", description = "A rollout's id, a file or a folder.")
  String subject;

  @Option(
      names = "--comparator",
      paramLabel = "HOST:PORT",
      defaultValue = "${env:UNDERSTUDY_COMPARATOR:-127.0.0.1:8101}",
      description = "Where a rollout's id is looked up (default: ${DEFAULT-VALUE}).")
  String comparator;

  @Option(names = "--with", paramLabel = "PLAN", description = "Judge under this plan.")
  @Nullable Path plan;

  @Option(
      names = "--as",
      paramLabel = "WHO",
      defaultValue = "ALL",
      description = "Beside it: argo, kayenta or all (default: all).")
  Replays.Beside beside;

  @Option(
      names = "--argo-factor",
      defaultValue = "1.5",
      paramLabel = "X",
      description =
          "Argo style: the canary's error rate may be so many times the baseline's (default:"
              + " ${DEFAULT-VALUE}).")
  double argoFactor;

  @Option(
      names = "--argo-window",
      defaultValue = "500",
      paramLabel = "N",
      description = "Argo style: requests of a window (default: ${DEFAULT-VALUE}).")
  long argoWindow;

  @Option(
      names = "--argo-failures",
      defaultValue = "0",
      paramLabel = "N",
      description = "Argo style: failed windows that are forgiven (default: ${DEFAULT-VALUE}).")
  int argoFailures;

  @Option(
      names = "--kayenta-interval",
      defaultValue = "60s",
      paramLabel = "TIME",
      description = "Kayenta style: length of an interval (default: ${DEFAULT-VALUE}).")
  String kayentaInterval;

  @Option(
      names = "--kayenta-points",
      defaultValue = "50",
      paramLabel = "N",
      description = "Kayenta style: intervals before the first look (default: ${DEFAULT-VALUE}).")
  int kayentaPoints;

  @Option(
      names = "--output",
      paramLabel = "FORM",
      defaultValue = "TEXT",
      description = "text, or json for the report alone.")
  RolloutCommand.Output output;

  @Override
  String target() {
    return comparator;
  }

  @Override
  public Integer call() {
    return ReportOut.orNotCompared(err(), this::replay);
  }

  private int replay() throws Exception {
    Path file = Path.of(subject);
    if (Files.exists(file)) {
      Replay.Run run = run();
      EvidenceFile.read(file, run::accept);
      return show(run.result());
    }
    return super.call();
  }

  @Override
  int refused() {
    return ReportOut.NOT_COMPARED;
  }

  @Override
  int run(ManagedChannel channel) throws Exception {
    Replay.Run run = run();
    Iterator<EvidenceLogRecord> records =
        EvidenceServiceGrpc.newBlockingStub(channel)
            .readLog(ReadLogRequest.newBuilder().setRolloutId(subject).build());
    while (records.hasNext()) {
      run.accept(records.next());
    }
    return show(run.result());
  }

  private Replay.Run run() throws IOException, OfflineException {
    long interval = Units.duration(kayentaInterval).toSeconds();
    KayentaRule usual = KayentaRule.USUAL;
    return Replays.run(
        plan,
        new ThresholdRule(argoFactor, argoWindow, argoFailures),
        new KayentaRule(
            Math.toIntExact(interval),
            kayentaPoints,
            usual.effect(),
            usual.pass(),
            usual.marginal()));
  }

  private int show(Replay replay) throws IOException {
    ReportOut.print(replay.report(), output, out());
    if (output == RolloutCommand.Output.TEXT) {
      out().println();
      Replays.lines(replay, beside).forEach(out()::println);
    }
    out().flush();
    return ReportOut.exitCode(replay.report());
  }
}
