package dev.understudy.evidence.simulation;

import dev.understudy.evidence.forecast.Forecast;
import dev.understudy.evidence.process.Draws;
import dev.understudy.evidence.simulation.Plot.Axis;
import dev.understudy.evidence.simulation.Plot.Tick;
import dev.understudy.evidence.simulation.Svg.Point;
import dev.understudy.proto.v1.EvaluationSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;

/** Pictures of why the methods are what they are. */
final class MethodPictures {
  private MethodPictures() {}

  static String trafficNeeded() {
    Svg svg =
        new Svg(
            860,
            430,
            "Requests until failures are proved to be at most one point higher, by the share of the"
                + " canary, for versions that never fail, and that fail half a percent and two"
                + " percent of the time.");
    svg.title(
        "How much traffic a proof needs",
        "Requests of both versions until “at most 1 point more failures” is proved (β = 5 %), for"
            + " versions that are alike");
    Plot plot = new Plot(svg, 88, 104, 600, 262, Axis.log(.01, .5), Axis.log(1000, 300_000));
    plot.frame(
        "Requests in all",
        List.of(
            new Tick(.01, "1 %"),
            new Tick(.02, "2 %"),
            new Tick(.05, "5 %"),
            new Tick(.1, "10 %"),
            new Tick(.25, "25 %"),
            new Tick(.5, "50 %")),
        List.of(
            new Tick(1000, "1,000"),
            new Tick(3000, "3,000"),
            new Tick(10_000, "10,000"),
            new Tick(30_000, "30,000"),
            new Tick(100_000, "100,000"),
            new Tick(300_000, "300,000")));
    record Kind(double rate, String colour, String name) {}
    Forecast forecast = new Forecast(Pictures.SEED);
    for (Kind kind :
        List.of(
            new Kind(0, Svg.GREEN, "never fail"),
            new Kind(.005, Svg.BLUE, "fail 0.5 %"),
            new Kind(.02, Svg.RED, "fail 2 %"))) {
      List<Point> curve = new ArrayList<>();
      for (double share : new double[] {.01, .02, .05, .1, .25, .5}) {
        OptionalLong needed =
            forecast.requestsToProveFailures(share, .01, Specs.BETA, kind.rate(), 2_000_000);
        if (needed.isPresent() && needed.getAsLong() <= 300_000) {
          curve.add(new Point(share, (double) needed.getAsLong()));
        }
      }
      plot.curve(curve, kind.colour(), 1);
      curve.forEach(point -> plot.dot(point, kind.colour()));
      Point last = curve.getLast();
      plot.note(
          last,
          12,
          4,
          kind.colour(),
          "start",
          String.format(Locale.ROOT, "%s: %,.0f", kind.name(), last.y()));
    }
    plot.below("Share of the requests on the canary");
    return svg.file();
  }

  static String latencyBlocks() {
    Svg svg =
        new Svg(
            860,
            520,
            "Why latency is judged by the second: a stall makes many calls slow at once, but gives"
                + " one vote.");
    svg.title(
        "Why latency is judged by the second",
        "Two equal servers; now and then one stands still for a fifth of a second, and all its"
            + " calls are slow together");
    seconds(svg);
    falseAlarms(svg);
    return svg.file();
  }

  /** Ten seconds of both servers, with the vote that each second gives. */
  private static void seconds(Svg svg) {
    Draws draws = new Draws(Pictures.SEED, 4);
    double left = 130;
    double width = 68;
    svg.text(left - 14, 112, "text", "end", "control");
    svg.text(left - 14, 172, "text", "end", "canary");
    svg.text(left - 14, 226, "text", "end", "vote");
    for (int second = 0; second < 10; second++) {
      double x = left + width * second;
      boolean controlStalls = second == 2;
      boolean canaryStalls = second == 5 || second == 8;
      int control = calls(svg, x, 92, controlStalls, draws);
      int canary = calls(svg, x, 152, canaryStalls, draws);
      svg.box(x, 84, width - 6, 104, "frame\" fill=\"none", .5);
      String vote = "–";
      String colour = "soft";
      if (canary > control) {
        vote = "slower";
        colour = "fred";
      } else if (canary < control) {
        vote = "faster";
        colour = "fgreen";
      }
      svg.text(x + (width - 6) / 2, 226, colour, "middle", vote);
      svg.text(x + (width - 6) / 2, 206, "soft small", "middle", canary + " : " + control);
    }
    svg.text(
        left,
        252,
        "soft small",
        "start",
        "Each dot is a call; red: slower than the champion usually is. However many are red, a"
            + " second gives one vote.");
    svg.text(
        left,
        270,
        "soft small",
        "start",
        "Where the champion has more calls than the canary, it is thinned at random to as many"
            + " before the votes are counted.");
  }

  private static int calls(Svg svg, double x, double y, boolean stalls, Draws draws) {
    int slow = 0;
    for (int call = 0; call < 18; call++) {
      boolean inStall = stalls && call >= 6 && call < 12;
      boolean isSlow = inStall || draws.nextDouble() < .05;
      slow += isSlow ? 1 : 0;
      svg.dot(
          x + 8 + 9 * (call / 3),
          y + 9 * (call % 3),
          3,
          isSlow ? "fred" : "fgrey",
          isSlow ? 1 : .6);
    }
    return slow;
  }

  private static void falseAlarms(Svg svg) {
    int runs = 200;
    WrongMethods.Slow slow = WrongMethods.Slow.p95();
    EvaluationSpec spec = Specs.spec(.05, Specs.latency(0)).build();
    LatencyTraffic bursty = LatencyTraffic.bursty(Course.constant(60, 1000), 1);
    LatencyTraffic.Laws laws = bursty.laws();
    int byRequest = 0;
    int bySecond = 0;
    for (int run = 0; run < runs; run++) {
      long request =
          WrongMethods.slowRequestsAsEvents(.05, 60, slow, new Draws(Pictures.SEED, 5, run));
      byRequest += request == Experiment.NEVER ? 0 : 1;
      long second =
          bursty.decidedAt(spec, Trial.Question.STOPPED, laws, new Draws(Pictures.SEED, 6, run));
      bySecond += second == Experiment.NEVER ? 0 : 1;
    }
    svg.text(
        24,
        320,
        "text",
        "start",
        "Harmless versions called slower within a minute (of " + runs + ", level 5 %)");
    bar(svg, 352, "each slow call counted", byRequest, runs, "fred");
    bar(svg, 396, "one vote per second", bySecond, runs, "fgreen");
    double promised = 200 + 560 * .05;
    svg.dashed(promised, 340, promised, 436, Svg.ORANGE);
    svg.text(promised, 456, "forange small", "middle", "promised: at most 5 %");
    svg.text(
        24,
        492,
        "soft small",
        "start",
        "Stalls make calls alike that happen at the same time. Counting them one by one takes one"
            + " bad moment for many pieces of evidence.");
  }

  private static void bar(Svg svg, double y, String name, int hits, int runs, String colour) {
    double share = (double) hits / runs;
    svg.text(186, y + 18, "text small", "end", name);
    svg.box(200, y, StrictMath.max(2, 560 * share), 28, colour, .85);
    svg.text(
        210 + 560 * share,
        y + 18,
        "text",
        "start",
        String.format(Locale.ROOT, "%.1f %%", 100 * share));
  }

  static String noiseFloor() {
    int pairs = 4000;
    double noise = .03;
    double rise = .01;
    Draws draws = new Draws(Pictures.SEED, 7);
    List<Point> challenger = new ArrayList<>();
    List<Point> champion = new ArrayList<>();
    List<Point> difference = new ArrayList<>();
    long ofChallenger = 0;
    long ofChampion = 0;
    for (int pair = 1; pair <= pairs; pair++) {
      ofChampion += draws.nextDouble() < noise ? 1 : 0;
      ofChallenger += draws.nextDouble() < noise + rise ? 1 : 0;
      if (pair % 25 == 0 && pair >= 100) {
        challenger.add(new Point(pair, (double) ofChallenger / pair));
        champion.add(new Point(pair, (double) ofChampion / pair));
        difference.add(new Point(pair, (double) (ofChallenger - ofChampion) / pair));
      }
    }
    Svg svg =
        new Svg(
            860,
            430,
            "The champion differs from itself in three of a hundred answers; only what the"
                + " challenger differs beyond that is held against it.");
    svg.title(
        "The noise floor",
        "Each request goes to the champion twice and to the challenger once; the champion differs"
            + " from itself in 3 %");
    Plot plot = new Plot(svg, 78, 104, 560, 262, Axis.linear(0, pairs), Axis.linear(-.01, .06));
    plot.frame(
        "Share of answers that differ, so far",
        List.of(
            new Tick(0, "0"),
            new Tick(1000, "1,000"),
            new Tick(2000, "2,000"),
            new Tick(3000, "3,000"),
            new Tick(4000, "4,000 copies")),
        List.of(
            new Tick(0, "0 %"),
            new Tick(.01, "1 %"),
            new Tick(.02, "2 %"),
            new Tick(.03, "3 %"),
            new Tick(.04, "4 %"),
            new Tick(.05, "5 %"),
            new Tick(.06, "6 %")));
    plot.curve(challenger, Svg.RED, 1);
    plot.curve(champion, Svg.GREY, 1);
    plot.curve(difference, Svg.BLUE, 1);
    plot.note(challenger.getLast(), 10, 0, Svg.RED, "start", "challenger and champion");
    plot.note(champion.getLast(), 10, 8, Svg.GREY, "start", "champion and itself");
    plot.note(difference.getLast(), 10, 4, Svg.BLUE, "start", "difference: what counts");
    plot.below(
        "Without the second answer of the champion, all 4 % would look like the challenger’s");
    return svg.file();
  }
}
