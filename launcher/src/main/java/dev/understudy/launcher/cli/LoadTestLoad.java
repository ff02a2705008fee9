package dev.understudy.launcher.cli;

import dev.understudy.chassis.config.Units;
import dev.understudy.loadtest.ArrivalPattern;
import dev.understudy.loadtest.Arrivals;
import dev.understudy.loadtest.Load;
import dev.understudy.loadtest.SweepOptions;
import dev.understudy.loadtest.report.Threshold;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How hard a load test loads, and in which rhythm. */
final class LoadTestLoad {
  /** The names of {@code --arrivals}. */
  enum Rhythm {
    POISSON,
    CONSTANT,
    BURSTY
  }

  @Option(
      names = "--rate",
      defaultValue = "200",
      description =
          "Calls per second, sent whether answers come or not (default: ${DEFAULT-VALUE}).")
  double rate;

  @Option(
      names = "--arrivals",
      defaultValue = "poisson",
      description = "poisson, constant or bursty (default: ${DEFAULT-VALUE}).")
  Rhythm arrivals;

  @Option(
      names = "--burst",
      defaultValue = "200ms",
      description = "Mean length of a burst when bursty (default: ${DEFAULT-VALUE}).")
  String burst;

  @Option(
      names = "--burst-factor",
      defaultValue = "5",
      description = "Rate within bursts against the mean rate (default: ${DEFAULT-VALUE}).")
  double burstFactor;

  @Option(
      names = "--replay",
      paramLabel = "FILE",
      description = "Send at recorded times: one per line, seconds or ISO 8601 instants.")
  @Nullable Path replay;

  @Option(
      names = "--speed",
      defaultValue = "1",
      description = "Replay so many times as fast (default: ${DEFAULT-VALUE}).")
  double speed;

  @Option(
      names = "--callers",
      description =
          "Closed loop instead: so many callers, each sending when its last call has ended.")
  @Nullable Integer callers;

  @Option(
      names = "--sweep",
      paramLabel = "FROM..TO",
      description = "Raise the rate step by step, and find the highest that is sustained.")
  @Nullable String sweep;

  @Option(
      names = "--step",
      defaultValue = "5s",
      description = "How long each rate of a sweep is measured (default: ${DEFAULT-VALUE}).")
  String step;

  @Option(
      names = "--growth",
      defaultValue = "1.5",
      description = "Factor from one rate of a sweep to the next (default: ${DEFAULT-VALUE}).")
  double growth;

  @Option(
      names = "--sweep-limit",
      paramLabel = "LIMIT",
      description =
          "What a sustained rate may not pass, such as 'p99>50ms'; again for more. Default: 1 %%"
              + " errors, and ten times the p99 of the first rate.")
  List<String> sweepLimits = new ArrayList<>();

  @Option(
      names = "--tick",
      defaultValue = "0s",
      description =
          "Send on multiples of this time, so that calls leave together: cheaper above some"
              + " thousand calls per second (default: exact times).")
  String tick;

  @Option(
      names = "--max-outstanding",
      defaultValue = "10000",
      description =
          "Bound on calls without an answer; more are counted as not sent (default:"
              + " ${DEFAULT-VALUE}).")
  int maxOutstanding;

  @Option(names = "--spin", description = "Wait awake: the most exact times, for one whole core.")
  boolean spin;

  @Option(names = "--seed", defaultValue = "1", description = "Seed of arrivals and tensors.")
  long seed;

  Load load() throws IOException {
    if (callers != null) {
      return new Load.Closed(callers);
    }
    Load.Open open =
        new Load.Open(
            pattern(),
            rate,
            tick.equals("0") ? Duration.ZERO : Units.duration(tick),
            maxOutstanding);
    var _ = open.pace(seed);
    return open;
  }

  /** Ten seconds, or as long as the replay. */
  Duration usualLength() throws IOException {
    return pattern() instanceof ArrivalPattern.Replayed replayed
        ? replayed.length()
        : Duration.ofSeconds(10);
  }

  private ArrivalPattern pattern() throws IOException {
    // A replay is read twice at most; that is not worth a field.
    if (replay != null) {
      return ArrivalPattern.Replayed.read(replay, speed);
    }
    return switch (arrivals) {
      case POISSON -> new ArrivalPattern.Steady(Arrivals.Kind.POISSON);
      case CONSTANT -> new ArrivalPattern.Steady(Arrivals.Kind.CONSTANT);
      case BURSTY -> new ArrivalPattern.Bursty(Units.duration(burst), burstFactor);
    };
  }

  @Nullable SweepOptions sweep() {
    if (sweep == null) {
      if (!sweepLimits.isEmpty()) {
        throw new IllegalArgumentException("--sweep-limit (expected: with --sweep FROM..TO)");
      }
      return null;
    }
    int dots = sweep.indexOf("..");
    try {
      return new SweepOptions(
          Double.parseDouble(sweep.substring(0, Math.max(dots, 0))),
          Double.parseDouble(sweep.substring(dots + 2)),
          growth,
          Units.duration(step),
          sweepLimits.stream().map(Threshold::parse).toList());
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "--sweep: '" + sweep + "' (expected: FROM..TO, such as 100..20000)", e);
    }
  }
}
