package dev.understudy.evidence.simulation;

import dev.understudy.evidence.process.Draws;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.LabelledScore;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import java.util.ArrayList;
import java.util.List;

/**
 * Copies that are compared with the answer given.
 *
 * @param seconds that they are compared for
 * @param perSecond pairs
 */
record PairTraffic(int seconds, int perSecond) {
  private static final int UNITS = 1024;
  private static final double INCIDENT = 8;
  private static final double HALF = 0.5;

  /** Copies that fail or not, on their own, at these rates. */
  long failures(
      EvaluationSpec spec,
      Trial.Question question,
      boolean incident,
      double copyRate,
      double championRate,
      Draws draws) {
    Trial trial = new Trial(spec);
    Course course = new Course(seconds, false, 0, incident);
    for (int second = 0; second < seconds; second++) {
      double trouble = course.troubled(second) ? INCIDENT : 1;
      long championBad = draws.binomial(perSecond, StrictMath.min(1, trouble * championRate));
      double copy = StrictMath.min(1, trouble * copyRate);
      long bothBad = draws.binomial(championBad, copy);
      long onlyCopy = draws.binomial(perSecond - championBad, copy);
      trial.copies(perSecond - championBad - onlyCopy, championBad - bothBad, onlyCopy, bothBad);
      if (trial.answer(question)) {
        return (second + 1L) * perSecond;
      }
    }
    return Experiment.NEVER;
  }

  /** Divergences of one law. */
  long divergence(EvaluationSpec spec, Trial.Question question, Law law, Draws draws) {
    Trial trial = new Trial(spec);
    int[] counts = new int[UNITS + 1];
    for (int second = 0; second < seconds; second++) {
      for (int i = 0; i < perSecond; i++) {
        counts[law.units(draws)]++;
      }
      trial.pairs(tally(counts, perSecond));
      if (trial.answer(question)) {
        return (second + 1L) * perSecond;
      }
    }
    return Experiment.NEVER;
  }

  /** Answers that differ altogether or not at all, beside a champion that differs from itself. */
  long cancelled(
      EvaluationSpec spec, Trial.Question question, double copy, double noise, Draws draws) {
    Trial trial = new Trial(spec);
    for (int second = 0; second < seconds; second++) {
      long ofControl = draws.binomial(perSecond, noise);
      long both = draws.binomial(ofControl, copy);
      long onlyCopy = draws.binomial(perSecond - ofControl, copy);
      trial.pairs(triples(perSecond, both, onlyCopy, ofControl - both));
      trial.pairs(tally(perSecond - ofControl, ofControl).setRole(Role.MIRRORED_CONTROL));
      if (trial.answer(question)) {
        return (second + 1L) * perSecond;
      }
    }
    return Experiment.NEVER;
  }

  /** A tally of {@code pairs} of which so many differ altogether, with what the control did. */
  static PairTally.Builder triples(int pairs, long both, long onlyCopy, long onlyControl) {
    PairTally.Builder tally = tally(pairs - both - onlyCopy, both + onlyCopy);
    long[] counts = {onlyControl, pairs - onlyCopy - onlyControl, onlyCopy};
    for (int i = 0; i < counts.length; i++) {
      if (counts[i] > 0) {
        tally.addCancelled((i - 1) * UNITS).addCancelledCount(counts[i]);
      }
    }
    return tally;
  }

  /** Decisions that change with this probability. */
  long changed(EvaluationSpec spec, Trial.Question question, double share, Draws draws) {
    Trial trial = new Trial(spec);
    for (int second = 0; second < seconds; second++) {
      trial.pairs(decisions(perSecond, draws.binomial(perSecond, share)));
      if (trial.answer(question)) {
        return (second + 1L) * perSecond;
      }
    }
    return Experiment.NEVER;
  }

  /** Calls of several rows, which change all together or not at all. */
  long changedTogether(
      EvaluationSpec spec, Trial.Question question, int rows, double share, Draws draws) {
    Trial trial = new Trial(spec);
    for (int second = 0; second < seconds; second++) {
      long changes = draws.binomial(perSecond, share);
      trial.pairs(
          decisions(perSecond, changes)
              .setComparedWithDecision((long) perSecond * rows)
              .setChangedToPositive(changes * rows));
      if (trial.answer(question)) {
        return (second + 1L) * perSecond;
      }
    }
    return Experiment.NEVER;
  }

  /** Calls of many single rows and of one with {@code rows} rows, which change all together. */
  long changedInUnequalCalls(
      EvaluationSpec spec, Trial.Question question, int rows, double share, Draws draws) {
    Trial trial = new Trial(spec);
    for (int second = 0; second < seconds; second++) {
      long single = draws.binomial(perSecond - 1L, share);
      long large = draws.binomial(1, share);
      trial.pairs(
          decisions(perSecond, single + large)
              .setComparedWithDecision(perSecond - 1L + rows)
              .setChangedToPositive(single + large * rows));
      if (trial.answer(question)) {
        return (second + 1L) * perSecond;
      }
    }
    return Experiment.NEVER;
  }

  /** Pairs of one row each, of which so many decide otherwise. */
  static PairTally.Builder decisions(int pairs, long changes) {
    return changed(tally(pairs, 0), pairs, changes)
        .setComparedWithDecision(pairs)
        .setChangedToPositive(changes)
        .setChampionPositive(pairs / 2);
  }

  private static PairTally.Builder changed(PairTally.Builder tally, int pairs, long changes) {
    if (changes < pairs) {
      tally.addChangedShare(0).addChangedShareCount(pairs - changes);
    }
    if (changes > 0) {
      tally.addChangedShare(UNITS).addChangedShareCount(changes);
    }
    return tally;
  }

  /** Known outcomes on which each version decides wrongly at its own rate. */
  long wrongDecisions(
      EvaluationSpec spec,
      Trial.Question question,
      double challenger,
      double champion,
      Draws draws) {
    return quality(
        spec,
        question,
        (trial, random) -> {
          int outcome = random.nextDouble() < HALF ? 1 : 0;
          return trial.paired(
              decided(outcome, champion, random), decided(outcome, challenger, random), outcome);
        },
        draws);
  }

  /** Known outcomes of which both versions know the probability up to errors of one law. */
  long equallyUncertain(EvaluationSpec spec, Trial.Question question, Draws draws) {
    return quality(
        spec,
        question,
        (trial, random) -> {
          double truth = random.nextDouble();
          int outcome = random.nextDouble() < truth ? 1 : 0;
          return trial.paired(blurred(truth, random), blurred(truth, random), outcome);
        },
        draws);
  }

  @FunctionalInterface
  private interface Case {
    LabelledScore next(Trial trial, Draws draws);
  }

  private long quality(EvaluationSpec spec, Trial.Question question, Case next, Draws draws) {
    Trial trial = new Trial(spec);
    for (int second = 0; second < seconds; second++) {
      List<LabelledScore> scores = new ArrayList<>(perSecond);
      for (int i = 0; i < perSecond; i++) {
        scores.add(next.next(trial, draws));
      }
      trial.pairs(decisions(perSecond, 0));
      trial.labels(scores);
      if (trial.answer(question)) {
        return (second + 1L) * perSecond;
      }
    }
    return Experiment.NEVER;
  }

  static double decided(int outcome, double wrong, Draws draws) {
    return draws.nextDouble() < wrong ? 1.0 - outcome : outcome;
  }

  private static double blurred(double truth, Draws draws) {
    return Math.clamp(truth + 0.4 * (draws.nextDouble() - HALF), 0, 1);
  }

  private static PairTally.Builder tally(long equal, long different) {
    PairTally.Builder tally =
        PairTally.newBuilder().setRole(Role.SHADOW).setPairs(equal + different);
    if (equal > 0) {
      tally.addDivergence(0).addDivergenceCount(equal);
    }
    if (different > 0) {
      tally.addDivergence(UNITS).addDivergenceCount(different);
    }
    return tally;
  }

  /** Takes the counts out. */
  private static PairTally.Builder tally(int[] counts, int pairs) {
    PairTally.Builder tally = PairTally.newBuilder().setRole(Role.SHADOW).setPairs(pairs);
    for (int units = 0; units < counts.length; units++) {
      if (counts[units] > 0) {
        tally.addDivergence(units).addDivergenceCount(counts[units]);
        counts[units] = 0;
      }
    }
    return tally;
  }
}
