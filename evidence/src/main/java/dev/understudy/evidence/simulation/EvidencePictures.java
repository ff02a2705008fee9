package dev.understudy.evidence.simulation;

import dev.understudy.evidence.forecast.Normal;
import dev.understudy.evidence.process.Draws;
import dev.understudy.evidence.simulation.Plot.Axis;
import dev.understudy.evidence.simulation.Plot.Tick;
import dev.understudy.evidence.simulation.Svg.Point;
import dev.understudy.evidence.simulation.Trial.Question;
import dev.understudy.proto.v1.EvaluationSpec;
import java.util.ArrayList;
import java.util.List;

/** Pictures of how evidence moves while a rollout runs. */
final class EvidencePictures {
  private static final int SECONDS = 100;
  private static final int PER_SECOND = 100;
  private static final double STOPS = 100;
  private static final Axis TIME = Axis.linear(0, SECONDS);
  private static final Axis STRENGTH = Axis.log(.01, 1000);
  private static final List<Tick> STRENGTHS =
      List.of(
          new Tick(.01, "0.01×"),
          new Tick(.1, "0.1×"),
          new Tick(1, "1×"),
          new Tick(10, "10×"),
          new Tick(100, "100×"),
          new Tick(1000, "1000×"));

  private static final List<Tick> LOW_STRENGTHS =
      List.of(
          new Tick(1e-4, "0.0001×"),
          new Tick(.01, "0.01×"),
          new Tick(1, "1×"),
          new Tick(100, "100×"));

  private EvidencePictures() {}

  private static EvaluationSpec spec() {
    return Specs.spec(1 / STOPS, Specs.failures(1, .01)).build();
  }

  private static List<Tick> requests() {
    return List.of(
        new Tick(0, "0"),
        new Tick(25, "2,500"),
        new Tick(50, "5,000"),
        new Tick(75, "7,500"),
        new Tick(100, "10,000"));
  }

  static String lookingOften() {
    int rollouts = 20;
    List<List<Point>> chances = new ArrayList<>();
    List<List<Point>> strengths = new ArrayList<>();
    boolean[] fooled = new boolean[rollouts];
    boolean[] stopped = new boolean[rollouts];
    for (int rollout = 0; rollout < rollouts; rollout++) {
      Draws draws = new Draws(Pictures.SEED, 1, rollout);
      WrongMethods.ZTest test = new WrongMethods.ZTest();
      Trial trial = new Trial(spec());
      List<Point> chance = new ArrayList<>();
      List<Point> strength = new ArrayList<>(List.of(new Point(0, 1)));
      for (int second = 1; second <= SECONDS; second++) {
        FailureTraffic.Counts counts = FailureTraffic.Counts.draw(PER_SECOND, .1, .02, .02, draws);
        test.add(counts);
        trial.second(counts.block(1000));
        double p = Normal.above(test.z());
        chance.add(new Point(second, p));
        strength.add(new Point(second, trial.evidenceAgainst()));
        fooled[rollout] |= second > 1 && p < .05;
        stopped[rollout] |= trial.answer(Question.STOPPED);
      }
      chances.add(chance);
      strengths.add(strength);
    }
    Svg svg =
        new Svg(
            860,
            400,
            "Twenty rollouts of two identical versions: a usual test, looked at often, calls many"
                + " of them worse; the evidence calls none.");
    svg.title(
        "Looking often fools a usual test",
        "20 rollouts of two identical versions, 2 % errors each, 10 % of requests on the canary,"
            + " looked at every second");
    Plot left = new Plot(svg, 78, 104, 330, 232, TIME, Axis.log(.001, 1));
    left.frame(
        "Usual test: “chance that it is luck”",
        requests(),
        List.of(
            new Tick(1, "100 %"),
            new Tick(.1, "10 %"),
            new Tick(.01, "1 %"),
            new Tick(.001, "0.1 %")));
    Plot right = new Plot(svg, 500, 104, 330, 232, TIME, STRENGTH);
    right.frame("Understudy: evidence against", requests(), STRENGTHS);
    for (int rollout = 0; rollout < rollouts; rollout++) {
      String colour = fooled[rollout] ? Svg.RED : Svg.GREY;
      left.curve(chances.get(rollout), colour, fooled[rollout] ? .9 : .5);
      right.curve(
          strengths.get(rollout), stopped[rollout] ? Svg.RED : colour, fooled[rollout] ? .9 : .5);
    }
    left.levelBelow(.05, Svg.ORANGE, "5 %: called worse");
    right.level(STOPS, Svg.ORANGE, "100×: stops");
    left.below(
        count(fooled) + " of 20 harmless versions are called worse at some look (red); requests");
    right.below(count(stopped) + " of 20 are stopped; the same rollouts are red; requests");
    return svg.file();
  }

  private static int count(boolean[] flags) {
    int count = 0;
    for (boolean flag : flags) {
      count += flag ? 1 : 0;
    }
    return count;
  }

  static String evidenceGrows() {
    Svg svg =
        new Svg(
            860,
            430,
            "Evidence against a version over time, for versions that fail as often as the champion,"
                + " and two, three and five times as often.");
    svg.title(
        "How evidence grows",
        "Champion fails 2 %; 10 % of requests on the canary; seven rollouts of each kind, the"
            + " middle one drawn strong");
    Plot plot = new Plot(svg, 78, 104, 640, 262, TIME, STRENGTH);
    plot.frame("Evidence against the version", requests(), STRENGTHS);
    plot.level(STOPS, Svg.ORANGE, "100×: stops");
    record Kind(double factor, String colour, String name) {}
    for (Kind kind :
        List.of(
            new Kind(1, Svg.GREY, "as often"),
            new Kind(2, Svg.GREEN, "twice as often"),
            new Kind(3, Svg.BLUE, "three times"),
            new Kind(5, Svg.RED, "five times"))) {
      List<List<Point>> runs = new ArrayList<>();
      for (int run = 0; run < 7; run++) {
        runs.add(run(.02 * kind.factor(), new Draws(Pictures.SEED, 2, run)));
      }
      runs.sort(
          java.util.Comparator.<List<Point>>comparingDouble(r -> r.getLast().x())
              .thenComparingDouble(r -> -r.getLast().y()));
      for (int run = 0; run < runs.size(); run++) {
        plot.curve(runs.get(run), kind.colour(), run == 3 ? 1 : .25);
      }
      Point end = runs.get(3).getLast();
      plot.dot(end, kind.colour());
    }
    legend(svg, 738, 150, Svg.RED, "five times");
    legend(svg, 738, 176, Svg.BLUE, "three times");
    legend(svg, 738, 202, Svg.GREEN, "twice");
    legend(svg, 738, 228, Svg.GREY, "as often");
    svg.text(738, 128, "soft small", "start", "Fails …");
    plot.below(
        "Requests of both versions. A line that reaches 100× ends there: the version is stopped");
    return svg.file();
  }

  private static void legend(Svg svg, double x, double y, String colour, String words) {
    svg.line(x, y - 4, x + 22, y - 4, colour, 3);
    svg.text(x + 30, y, "text small", "start", words);
  }

  private static List<Point> run(double canaryRate, Draws draws) {
    Trial trial = new Trial(spec());
    List<Point> points = new ArrayList<>(List.of(new Point(0, 1)));
    for (int second = 1; second <= SECONDS; second++) {
      trial.second(FailureTraffic.Counts.draw(PER_SECOND, .1, canaryRate, .02, draws).block(1000));
      points.add(new Point(second, trial.evidenceAgainst()));
      if (trial.answer(Question.STOPPED)) {
        break;
      }
    }
    return points;
  }

  static String sharedTrouble() {
    Draws draws = new Draws(Pictures.SEED, 3);
    Trial trial = new Trial(spec());
    List<Point> canary = new ArrayList<>();
    List<Point> champion = new ArrayList<>();
    List<Point> strength = new ArrayList<>(List.of(new Point(0, 1)));
    int firstAbove = -1;
    for (int second = 1; second <= SECONDS; second++) {
      double rate = second > 40 && second <= 50 ? .4 : .02;
      FailureTraffic.Counts counts = FailureTraffic.Counts.draw(500, .1, rate, rate, draws);
      trial.second(counts.block(1000));
      canary.add(new Point(second, (double) counts.canaryBad() / counts.canary()));
      champion.add(new Point(second, (double) counts.championBad() / counts.champion()));
      strength.add(new Point(second, trial.evidenceAgainst()));
      if (firstAbove < 0 && canary.getLast().y() > .2) {
        firstAbove = second;
      }
    }
    Svg svg =
        new Svg(
            860,
            470,
            "A database that both versions use fails for ten seconds; both fail alike, and the"
                + " evidence against the new version does not rise.");
    svg.title(
        "A shared failure stops nobody",
        "A database that both versions use fails from second 40 to 50; 500 requests per second,"
            + " 10 % on the canary");
    List<Tick> seconds =
        List.of(
            new Tick(0, "0"),
            new Tick(20, "20"),
            new Tick(40, "40"),
            new Tick(60, "60"),
            new Tick(80, "80"),
            new Tick(100, "100 s"));
    Plot top = new Plot(svg, 78, 104, 640, 120, TIME, Axis.linear(0, .6));
    svg.box(top.x(40), 104, top.x(50) - top.x(40), 120, "fred", .1);
    top.frame(
        "Errors per second",
        List.of(),
        List.of(
            new Tick(0, "0 %"), new Tick(.2, "20 %"), new Tick(.4, "40 %"), new Tick(.6, "60 %")));
    top.curve(champion, Svg.GREY, 1);
    top.curve(canary, Svg.BLUE, .9);
    top.level(.2, Svg.ORANGE, "a rule “canary errors above 20 %”");
    top.dot(new Point(firstAbove, .2), Svg.ORANGE);
    top.note(
        new Point(firstAbove, .2),
        -8,
        -8,
        Svg.ORANGE,
        "end",
        "it stops here, in second " + firstAbove);
    Plot bottom = new Plot(svg, 78, 270, 640, 140, TIME, Axis.log(1e-4, 1000));
    svg.box(bottom.x(40), 270, bottom.x(50) - bottom.x(40), 140, "fred", .1);
    bottom.frame("Evidence against the new version", seconds, LOW_STRENGTHS);
    bottom.level(STOPS, Svg.ORANGE, "100×: stops");
    bottom.curve(strength, Svg.BLUE, 1);
    legend(svg, 738, 140, Svg.BLUE, "canary");
    legend(svg, 738, 166, Svg.GREY, "champion");
    bottom.below(
        "Only the share of the failures that falls on the canary counts; here it stayed near 10 %");
    return svg.file();
  }
}
