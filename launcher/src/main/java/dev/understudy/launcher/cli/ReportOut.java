package dev.understudy.launcher.cli;

import com.google.protobuf.util.JsonFormat;
import dev.understudy.chassis.config.ConfigException;
import dev.understudy.evidence.words.ReportText;
import dev.understudy.launcher.offline.OfflineException;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.Result;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;

/** How evidence reports leave the program: on the screen and as exit codes. */
final class ReportOut {
  /** Nothing was compared: what was asked for is wrong, or a server is away. */
  static final int NOT_COMPARED = 2;

  private static final int OPEN = 3;

  private ReportOut() {}

  /** 0 for Proved, 1 for Against, 3 for Undecided and Cannot measure. */
  static int exitCode(EvidenceReport report) {
    return report.getOverall() == Result.PROVED
        ? 0
        : report.getOverall() == Result.AGAINST ? 1 : OPEN;
  }

  /**
   * Runs a command whose exit code is a result, so that whatever goes wrong is not taken for one:
   * {@link #NOT_COMPARED} for every exception and error.
   */
  static int orNotCompared(PrintWriter err, Callable<Integer> command) {
    try {
      return command.call();
    } catch (OfflineException | IOException | ConfigException | IllegalArgumentException e) {
      err.println("error: " + Commands.describe(e));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      err.println("error: interrupted");
    } catch (OutOfMemoryError e) {
      err.println("error: " + e.getMessage() + " (more memory: JAVA_TOOL_OPTIONS=-Xmx…)");
    } catch (Throwable e) {
      err.println("error: unexpected: " + e);
      e.printStackTrace(err);
    }
    err.flush();
    return NOT_COMPARED;
  }

  static void print(EvidenceReport report, RolloutCommand.Output form, PrintWriter out)
      throws IOException {
    if (form == RolloutCommand.Output.JSON) {
      out.println(JsonFormat.printer().preservingProtoFieldNames().print(report));
    } else {
      out.print(ReportText.of(report));
    }
    out.flush();
  }
}
