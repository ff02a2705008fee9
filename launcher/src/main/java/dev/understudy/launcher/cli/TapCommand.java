package dev.understudy.launcher.cli;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.config.Units;
import dev.understudy.chassis.rpc.ServerOptions;
import dev.understudy.chassis.security.Tls;
import dev.understudy.launcher.offline.OfflineException;
import dev.understudy.launcher.offline.Subject;
import dev.understudy.launcher.offline.Tap;
import dev.understudy.proto.v1.EvidenceReport;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code understudy tap}: two versions judged on copies that a proxy mirrors. */
@Command(
    name = "tap",
    description = {
      "Take the copies of ModelInfer requests that an Envoy or Istio mirrors, ask two versions the"
          + " same off the path, and judge the challenger against the champion.",
      "Copies are answered at once with nothing in them. No customer waits, none is answered from"
          + " here, and inputs stay in memory."
    },
    footer = {
      "",
      "Exit codes, also at Ctrl-C and SIGTERM: 0 proved, 1 against, 2 nothing was compared,"
          + " 3 undecided or cannot be measured."
    })
final class TapCommand implements Callable<Integer> {
  private static final long STATE_SECONDS = 10;

  /** What ending may take beside the calls under way. */
  private static final Duration SPARE = Duration.ofSeconds(5);

  @Spec CommandSpec spec;

  @Mixin Reach reach;

  @Option(
      names = "--listen",
      paramLabel = "HOST:PORT",
      defaultValue = "127.0.0.1:8005",
      description = "Where copies arrive (default: ${DEFAULT-VALUE}).")
  String listen;

  @Option(
      names = "--tls-cert",
      paramLabel = "FILE",
      description = "Certificate chain of the listening side; with --tls-key.")
  @Nullable Path certificate;

  @Option(names = "--tls-key", paramLabel = "FILE", description = "Its private key.")
  @Nullable Path key;

  @Option(
      names = "--open",
      description =
          "Listen off loopback without TLS: whoever reaches the port can bring evidence. For a port"
              + " that the mesh or a network policy protects.")
  boolean open;

  @Option(
      names = "--champion",
      required = true,
      paramLabel = "HOST:PORT/MODEL[:V]",
      description = "The version that answers customers.")
  String champion;

  @Option(
      names = "--challenger",
      required = true,
      paramLabel = "HOST:PORT/MODEL[:V]",
      description = "The version that is to be proved.")
  String challenger;

  @Option(names = "--contract", paramLabel = "FILE", description = "Data contract.")
  @Nullable Path contract;

  @Option(
      names = "--plan",
      paramLabel = "FILE",
      description = "Rollout plan whose limits are to count, instead of the usual ones.")
  @Nullable Path plan;

  @Option(
      names = "--intent",
      paramLabel = "WHAT",
      defaultValue = "EQUIVALENT",
      description = "equivalent or improved (default: equivalent).")
  CompareCommand.RolloutIntent intent;

  @Option(names = "--no-control", description = "Do not ask the champion twice.")
  boolean noControl;

  @Option(
      names = "--fraction",
      paramLabel = "SHARE",
      defaultValue = "100%",
      description = "Share of the copies that are asked (default: ${DEFAULT-VALUE}).")
  String fraction;

  @Option(
      names = "--duration",
      paramLabel = "TIME",
      description = "End after this time (default: at Ctrl-C).")
  @Nullable String duration;

  @Option(
      names = "--max-calls",
      paramLabel = "N",
      defaultValue = "256",
      description = "Copies under way at once; more are dropped and counted.")
  int maxCalls;

  @Option(
      names = "--max-bytes",
      paramLabel = "SIZE",
      defaultValue = "64MiB",
      description = "Their size in all (default: ${DEFAULT-VALUE}).")
  String maxBytes;

  @Option(names = "--seed", defaultValue = "1", description = "Which copies the share takes.")
  long seed;

  @Option(
      names = "--timeout",
      defaultValue = "5s",
      description = "Deadline of each call (default: ${DEFAULT-VALUE}).")
  String timeout;

  @Option(
      names = "--log",
      paramLabel = "FILE",
      description = "Write the evidence log, for rollout replay.")
  @Nullable Path log;

  @Option(
      names = "--output",
      paramLabel = "FORM",
      defaultValue = "TEXT",
      description = "text or json.")
  RolloutCommand.Output output;

  @Override
  public Integer call() {
    return ReportOut.orNotCompared(spec.commandLine().getErr(), this::tap);
  }

  private int tap() throws IOException, OfflineException, InterruptedException {
    PrintWriter out = spec.commandLine().getOut();
    CountDownLatch stop = new CountDownLatch(1);
    CountDownLatch ended = new CountDownLatch(1);
    AtomicInteger code = new AtomicInteger(ReportOut.NOT_COMPARED);
    Tap.Options options = options();
    long patienceNanos = options.timeout().plus(SPARE).toNanos();
    Thread atSignal = new Thread(() -> endAtSignal(stop, ended, patienceNanos, code), "tap-stop");
    Runtime.getRuntime().addShutdownHook(atSignal);
    try (Tap tap = Tap.start(options)) {
      if (output == RolloutCommand.Output.TEXT) {
        out.printf("taking copies on port %d; Ctrl-C ends it with the report%n", tap.port());
        out.flush();
      }
      watch(tap, stop, out);
      EvidenceReport report = tap.finish();
      ReportOut.print(report, output, out);
      if (output == RolloutCommand.Output.TEXT) {
        out.println();
        out.println(state(tap, report));
      }
      code.set(exitCode(tap.counts(), report));
      return code.get();
    } finally {
      out.flush();
      spec.commandLine().getErr().flush();
      ended.countDown();
      try {
        Runtime.getRuntime().removeShutdownHook(atSignal);
      } catch (IllegalStateException shuttingDown) {
        // The hook ends the process.
      }
    }
  }

  private int exitCode(Tap.Counts counts, EvidenceReport report) {
    if (report.getPairBothBad() + report.getPairDiscordantChampionBad() >= counts.asked()) {
      spec.commandLine()
          .getErr()
          .printf(
              Locale.ROOT,
              "error: nothing was compared: %,d copies, %,d asked, of which the champion answered"
                  + " none%n",
              counts.copies(),
              counts.asked());
      return ReportOut.NOT_COMPARED;
    }
    return ReportOut.exitCode(report);
  }

  /**
   * Ends the process once the report is out, or has taken far too long. Halts it: left to itself it
   * would exit with the signal's code and not with the result's.
   */
  private static void endAtSignal(
      CountDownLatch stop, CountDownLatch ended, long patienceNanos, AtomicInteger code) {
    stop.countDown();
    try {
      if (!ended.await(patienceNanos, TimeUnit.NANOSECONDS)) {
        System.err.println("error: the report was not ready in time");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    System.out.flush();
    System.err.flush();
    Runtime.getRuntime().halt(code.get());
  }

  private void watch(Tap tap, CountDownLatch stop, PrintWriter out) throws InterruptedException {
    long end =
        duration == null ? Long.MAX_VALUE : System.nanoTime() + Units.duration(duration).toNanos();
    while (tap.broken() == null) {
      long left = end == Long.MAX_VALUE ? Long.MAX_VALUE : end - System.nanoTime();
      long wait = Math.min(left, TimeUnit.SECONDS.toNanos(STATE_SECONDS));
      if (wait <= 0 || stop.await(wait, TimeUnit.NANOSECONDS)) {
        return;
      }
      if (output == RolloutCommand.Output.TEXT) {
        out.println(state(tap, tap.report()));
        out.flush();
      }
    }
  }

  private static String state(Tap tap, EvidenceReport report) {
    Tap.Counts counts = tap.counts();
    return String.format(
        Locale.ROOT,
        "%,d copies: %,d compared, %,d dropped, %,d left out%s; %s",
        counts.copies(),
        counts.asked(),
        counts.dropped(),
        counts.leftOut(),
        counts.others() == 0 ? "" : String.format(Locale.ROOT, ", %,d of others", counts.others()),
        report.getStatement());
  }

  /** {@code 0.1} or {@code 10%}. */
  private static double share(String text) {
    String number = text.strip();
    try {
      return number.endsWith("%")
          ? Double.parseDouble(number.substring(0, number.length() - 1)) / 100
          : Double.parseDouble(number);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "--fraction: '" + text + "' (expected: a share such as 10% or 0.1)", e);
    }
  }

  private Tap.Options options() throws IOException, OfflineException {
    ServerOptions.Builder server =
        ServerOptions.at(HostPort.parse(listen)).servicesAuthenticate(open);
    if ((certificate == null) != (key == null)) {
      throw new IllegalArgumentException(
          (key == null ? "--tls-cert without --tls-key" : "--tls-key without --tls-cert")
              + " (expected: both or neither)");
    }
    if (certificate != null && key != null) {
      server.tls(Tls.server(certificate, key));
    }
    return new Tap.Options(
        server,
        Subject.served(champion),
        Subject.served(challenger),
        reach.options(),
        contract,
        plan,
        intent.intent(),
        !noControl,
        share(fraction),
        maxCalls,
        Units.bytes(maxBytes),
        seed,
        Units.duration(timeout),
        log);
  }
}
