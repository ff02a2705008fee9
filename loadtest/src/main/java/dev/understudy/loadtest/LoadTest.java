package dev.understudy.loadtest;

import dev.understudy.loadtest.drive.Driver;
import dev.understudy.loadtest.drive.Mix;
import dev.understudy.loadtest.drive.Series;
import dev.understudy.loadtest.report.Comparison;
import dev.understudy.loadtest.report.HlogFile;
import dev.understudy.loadtest.report.HtmlReport;
import dev.understudy.loadtest.report.JsonReport;
import dev.understudy.loadtest.report.Measurement;
import dev.understudy.loadtest.report.Result;
import dev.understudy.loadtest.report.TextReport;
import dev.understudy.loadtest.report.Threshold;
import dev.understudy.loadtest.wire.Pool;
import dev.understudy.loadtest.wire.Target;
import dev.understudy.loadtest.wire.Wire;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A load test as a person asks for one: against one target; against two that take turns, so that
 * both meet the same noise; or a sweep of rates to the knee. It runs on the calling thread.
 */
public final class LoadTest {
  /** Every call ended OK, and no limit was passed. */
  public static final int FINE = 0;

  /** A call failed though no limit says how many may, or a target could not be reached. */
  public static final int FAILED = 1;

  /** A limit was passed. */
  public static final int LIMIT_PASSED = 3;

  private static final long CONNECT_NANOS = 6_000_000_000L;
  private static final long SHORTEST_BLOCK_NANOS = 20_000_000;
  private static final int BLOCKS = 200;
  private static final int FEWEST_BLOCKS_PER_TURN = 5;

  /**
   * What to do.
   *
   * @param targets one, or two to compare
   * @param kinds what calls are made of, one or more
   * @param principalWeights one per token of the targets
   * @param warmup time per target that is not measured; null to measure from the start and leave
   *     out what comes before the steady state
   * @param length measured time per target; a replay may end earlier
   * @param slice turn of a target when two are compared
   * @param spin whether to wait awake: the most exact send times, for one whole core
   * @param sweep or null
   * @param failIf limits; without any, a call that does not end OK fails the test
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  public record Options(
      List<Target> targets,
      List<Mix.Kind> kinds,
      double[] principalWeights,
      Load load,
      @Nullable Duration warmup,
      Duration length,
      Duration slice,
      long seed,
      boolean spin,
      @Nullable SweepOptions sweep,
      List<Threshold> failIf,
      Outputs outputs) {

    /** Checks what fits together. */
    public Options {
      if (targets.isEmpty() || targets.size() > 2) {
        throw new IllegalArgumentException("targets: " + targets + " (expected: one or two)");
      }
      if (length.isNegative() || length.isZero() || slice.isNegative() || slice.isZero()) {
        throw new IllegalArgumentException(
            "duration " + length + ", slice " + slice + " (expected: above 0)");
      }
      if (sweep != null
          && (targets.size() != 1
              || !(load instanceof Load.Open open)
              || open.pattern() instanceof ArrivalPattern.Replayed)) {
        throw new IllegalArgumentException("a sweep (expected: one target, open loop, no replay)");
      }
      if (targets.size() == 1 && failIf.stream().anyMatch(Threshold::isRatio)) {
        throw new IllegalArgumentException("a limit for a ratio (expected: two targets)");
      }
      targets = List.copyOf(targets);
      kinds = List.copyOf(kinds);
      failIf = List.copyOf(failIf);
    }
  }

  /**
   * Files to write, each of them or null.
   *
   * @param hlog HdrHistogram log; the second target's gets the suffix {@code .b}
   */
  public record Outputs(@Nullable Path json, @Nullable Path hlog, @Nullable Path html) {}

  private final Options options;
  private final PrintWriter out;
  private final ProgressBar progress;
  private final AtomicBoolean stop;

  /**
   * A test that prints to {@code out}, with a progress line if that is a terminal.
   *
   * @param stop ends the test early when it becomes true; what was measured is reported
   */
  public LoadTest(Options options, PrintWriter out, boolean terminal, AtomicBoolean stop) {
    this.options = options;
    this.out = out;
    this.progress = new ProgressBar(out, terminal);
    this.stop = stop;
  }

  /**
   * Runs and reports.
   *
   * @return {@link #FINE}, {@link #FAILED} or {@link #LIMIT_PASSED}
   * @throws IOException if a file cannot be written; what was found is printed before
   */
  public int run() throws IOException {
    try (Wire wire = Wire.open(options.spin())) {
      List<Pool> pools = new ArrayList<>();
      for (Target target : options.targets()) {
        Pool pool = new Pool(wire, target);
        pools.add(pool);
        if (!pool.awaitOpen(CONNECT_NANOS)) {
          out.println("error: nothing answers at " + target + " (" + pool.reason() + ")");
          out.flush();
          return FAILED;
        }
      }
      Result result = measure(pools);
      pools.forEach(Pool::close);
      TextReport.print(result, out);
      write(result);
      if (!result.passedLimits().isEmpty()) {
        return LIMIT_PASSED;
      }
      return options.failIf().isEmpty() && result.errors() > 0 ? FAILED : FINE;
    }
  }

  private Result measure(List<Pool> pools) {
    long startUnixMillis = System.currentTimeMillis();
    Mix mix = new Mix(options.kinds(), options.principalWeights(), options.seed());
    Driver driver = new Driver(mix, stop);
    Duration warmup = options.warmup();
    for (int i = 0; i < pools.size(); i++) {
      if (warmup != null && !warmup.isZero()) {
        turn(driver, pools.get(i), "warming " + options.targets().get(i), warmup, i, 0, 1);
      }
    }
    if (options.sweep() != null && options.load() instanceof Load.Open open) {
      return sweep(driver, pools.getFirst(), open, options.sweep(), startUnixMillis);
    }
    return pools.size() == 1
        ? single(driver, pools.getFirst(), startUnixMillis)
        : compare(driver, pools, startUnixMillis);
  }

  private Series turn(
      Driver driver,
      Pool pool,
      String what,
      Duration length,
      long seed,
      double doneBefore,
      double share) {
    long whole = length.toNanos();
    long block =
        Math.max(
            SHORTEST_BLOCK_NANOS,
            Math.min(options.length().toNanos() / BLOCKS, whole / FEWEST_BLOCKS_PER_TURN));
    Series series =
        driver.run(
            pool,
            options.load().pace(options.seed() * 31 + seed),
            whole,
            block,
            nanos -> progress.show(what, doneBefore + share * nanos / whole));
    progress.clear();
    return series;
  }

  private Measurement measurement(int target, Series series, long startUnixMillis) {
    return Measurement.of(
        options.targets().get(target).toString(),
        series,
        options.warmup() == null,
        options.seed(),
        startUnixMillis);
  }

  private Result single(Driver driver, Pool pool, long startUnixMillis) {
    String target = options.targets().getFirst().toString();
    Measurement measured =
        measurement(0, turn(driver, pool, target, options.length(), 7, 0, 1), startUnixMillis);
    return result(target, List.of(measured), null);
  }

  private Result compare(Driver driver, List<Pool> pools, long startUnixMillis) {
    int pairs = Math.max(1, (int) (options.length().toNanos() / options.slice().toNanos()));
    List<List<Series>> turns = List.of(new ArrayList<>(), new ArrayList<>());
    for (int pair = 0; pair < pairs && !stop.get(); pair++) {
      // Both sides get the same arrivals; who goes first alternates.
      Series[] both = new Series[2];
      for (int k = 0; k < 2; k++) {
        int side = (pair + k) % 2;
        both[side] =
            turn(
                driver,
                pools.get(side),
                "turn " + (pair + 1) + " of " + pairs,
                options.slice(),
                1_000 + pair,
                (2.0 * pair + k) / (2.0 * pairs),
                1 / (2.0 * pairs));
      }
      // A pair that was cut short compares unlike turns; only a first one is better than nothing.
      if (!stop.get() || pair == 0) {
        turns.get(0).add(both[0]);
        turns.get(1).add(both[1]);
      }
    }
    List<Measurement> measured = new ArrayList<>();
    for (int side = 0; side < 2; side++) {
      measured.add(measurement(side, Series.of(turns.get(side)), startUnixMillis));
    }
    Comparison comparison = null;
    if (measured.stream().allMatch(each -> each.whole().ok().count() > 0)) {
      comparison = Comparison.of(turns.get(0), turns.get(1));
    }
    return result(
        options.targets().get(0) + " against " + options.targets().get(1), measured, comparison);
  }

  private Result sweep(
      Driver driver, Pool pool, Load.Open load, SweepOptions sweep, long startUnixMillis) {
    String target = options.targets().getFirst().toString();
    RateSweep search =
        new RateSweep(sweep, target, options.seed(), startUnixMillis, stop, progress);
    return new Result(
        "Rate sweep of " + target,
        "From "
            + load.at(sweep.from()).words().replaceFirst("^Open loop, ", "")
            + ", in an open loop.",
        List.of(),
        null,
        search.run(driver, pool, load),
        stop.get() ? List.of("Interrupted: the search had not ended.") : List.of(),
        List.of());
  }

  private Result result(String title, List<Measurement> measured, @Nullable Comparison comparison) {
    List<String> notes = new ArrayList<>();
    if (options.load() instanceof Load.Closed) {
      notes.add(
          "Closed loop: while the target stalls nothing is sent, so that these latencies understate"
              + " what clients with a schedule of their own meet. Use --rate for those.");
    }
    for (Measurement each : measured) {
      if (each.counted().interrupted()) {
        Series series = each.counted();
        notes.add(
            each.name()
                + ": interrupted; this is what was measured until then. Calls without an answer: "
                + (series.due() - series.notSent() - series.calls()));
      }
      if (each.late()) {
        notes.add(
            each.name()
                + ": this tool itself sent late (see 'sent late by'), which is part of the"
                + " latencies above. Give it a core of its own, or lower the rate.");
      }
    }
    if (measured.size() == 2 && comparison == null) {
      notes.add("No comparison: one of the targets answered no call OK.");
    }
    return new Result(
        "Load test of " + title,
        options.load().words() + ".",
        measured,
        comparison,
        null,
        notes,
        passedLimits(measured, comparison));
  }

  private List<String> passedLimits(List<Measurement> measured, @Nullable Comparison comparison) {
    List<String> passed = new ArrayList<>();
    for (Threshold limit : options.failIf()) {
      if (limit.isRatio()) {
        if (comparison == null) {
          passed.add(limit + ": nothing to compare");
          continue;
        }
        for (Comparison.Row row : comparison.rows()) {
          if (row.percentile() == limit.percentile()) {
            var ratio = row.ratio();
            limit
                .passedByRatio(
                    ratio.bounded() ? ratio.lower() : ratio.median(),
                    ratio.bounded() ? ratio.upper() : ratio.median())
                .ifPresent(passed::add);
          }
        }
      } else {
        // Of two targets the second is the one under test.
        Measurement judged = measured.getLast();
        limit.passedBy(judged.counted()).ifPresent(passed::add);
      }
    }
    return passed;
  }

  private void write(Result result) throws IOException {
    Outputs outputs = options.outputs();
    if (outputs.json() != null) {
      JsonReport.write(result, outputs.json());
    }
    if (outputs.html() != null) {
      HtmlReport.write(result, outputs.html());
    }
    Path hlog = outputs.hlog();
    for (int i = 0; hlog != null && i < result.targets().size(); i++) {
      HlogFile.write(
          result.targets().get(i), i == 0 ? hlog : hlog.resolveSibling(hlog.getFileName() + ".b"));
    }
  }
}
