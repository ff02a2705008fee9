package dev.understudy.loadtest;

import dev.understudy.loadtest.drive.Driver;
import dev.understudy.loadtest.drive.Series;
import dev.understudy.loadtest.report.Measurement;
import dev.understudy.loadtest.report.SweepResult;
import dev.understudy.loadtest.report.Threshold;
import dev.understudy.loadtest.statistics.KneeSearch;
import dev.understudy.loadtest.wire.Pool;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;

/**
 * Tries rates until the knee is found: the highest rate that is sustained. A rate is sustained when
 * no limit is passed and 95 % of the calls that were due ended OK before the step was over; calls
 * on their way at the end of a step thus count against it unless they are few, as they are while
 * the target keeps up.
 */
final class RateSweep {
  private static final double ANSWERED = .95;
  private static final double TIMES_FIRST_P99 = 10;
  private static final double SETTLING = .2;
  private static final int BLOCKS = 50;

  private final SweepOptions options;
  private final String target;
  private final long seed;
  private final long startUnixMillis;
  private final AtomicBoolean stop;
  private final ProgressBar progress;

  RateSweep(
      SweepOptions options,
      String target,
      long seed,
      long startUnixMillis,
      AtomicBoolean stop,
      ProgressBar progress) {
    this.options = options;
    this.target = target;
    this.seed = seed;
    this.startUnixMillis = startUnixMillis;
    this.stop = stop;
    this.progress = progress;
  }

  SweepResult run(Driver driver, Pool pool, Load.Open load) {
    KneeSearch search = new KneeSearch(options.from(), options.to(), options.growth());
    List<SweepResult.Step> steps = new ArrayList<>();
    long settle = (long) (options.step().toNanos() * SETTLING);
    for (OptionalDouble rate = search.next(); rate.isPresent(); rate = search.next()) {
      Load.Open at = load.at(rate.getAsDouble());
      String what = String.format(Locale.ROOT, "%,.0f per second", rate.getAsDouble());
      long stepSeed = seed * 31 + steps.size();
      var _ = driver.run(pool, at.pace(~stepSeed), settle, settle, nanos -> {});
      long length = options.step().toNanos();
      Series series =
          driver.run(
              pool,
              at.pace(stepSeed),
              length,
              Math.max(1_000_000, length / BLOCKS),
              nanos -> progress.show(what, (double) nanos / length));
      progress.clear();
      if (stop.get()) {
        break;
      }
      Measurement measured = Measurement.of(target, series, false, seed, startUnixMillis);
      long firstP99 =
          steps.isEmpty()
              ? Long.MAX_VALUE
              : steps.getFirst().measurement().counted().ok().percentile(99);
      SweepResult.Step step =
          new SweepResult.Step(rate.getAsDouble(), measured, failing(measured, firstP99));
      steps.add(step);
      search.tried(step.sustained());
    }
    return new SweepResult(steps, search.knee(), rule(), whyOver(search, steps));
  }

  private List<String> failing(Measurement measured, long firstP99) {
    Series series = measured.counted();
    List<String> failing = new ArrayList<>();
    double inTime =
        (double) Math.max(0, series.ok().count() - series.backlog()) / Math.max(1, series.due());
    if (inTime < ANSWERED) {
      failing.add(String.format(Locale.ROOT, "only %.1f %% answered in time", 100 * inTime));
    }
    options.limits().forEach(limit -> limit.passedBy(series).ifPresent(failing::add));
    if (options.limits().isEmpty()) {
      if (series.errorShare() > .01) {
        failing.add(String.format(Locale.ROOT, "%.2f %% errors", 100 * series.errorShare()));
      }
      if (series.ok().percentile(99) > TIMES_FIRST_P99 * firstP99) {
        failing.add("p99 more than ten times the first step's");
      }
    }
    if (measured.late() && !failing.isEmpty()) {
      failing.add("this tool itself was late");
    }
    return failing;
  }

  private String rule() {
    String limits =
        options.limits().isEmpty()
            ? "at most 1 % errors and a p99 of at most ten times the first step's"
            : "no limit passed ("
                + options.limits().stream()
                    .map(Threshold::toString)
                    .collect(Collectors.joining(", "))
                + ")";
    return "A rate is sustained if 95 % of the calls due ended OK within the step, with "
        + limits
        + "; it fails if it fails twice. The knee is the highest rate that was sustained, found to"
        + " within 5 %.";
  }

  private String whyOver(KneeSearch search, List<SweepResult.Step> steps) {
    if (stop.get()) {
      return "Interrupted.";
    }
    if (search.failed().isEmpty()) {
      return String.format(
          Locale.ROOT, "The highest rate to try (%,.0f/s) was sustained.", options.to());
    }
    double lowest = search.failed().getAsDouble();
    String why =
        steps.stream()
            .filter(step -> !step.sustained() && step.rate() == lowest)
            .map(step -> String.join("; ", step.failing()))
            .reduce("", (first, second) -> second);
    return String.format(Locale.ROOT, "The next rate, %,.0f/s, failed: %s.", lowest, why);
  }
}
