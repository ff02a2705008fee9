package dev.understudy.evidence.simulation;

import dev.understudy.evidence.process.Draws;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.LabelledScore;
import java.util.ArrayList;
import java.util.List;

/**
 * All metrics of one rollout at once, tied together by shared troubles: in an incident every arm
 * fails and is slow.
 *
 * @param requests failures and latencies
 * @param pairsPerSecond copies that are compared, and half as many known outcomes
 * @param changed share of decisions that change
 * @param challengerWrong how often the challenger decides wrongly
 * @param championWrong how often the champion does
 */
record Together(
    LatencyTraffic requests,
    int pairsPerSecond,
    double changed,
    double challengerWrong,
    double championWrong) {

  /** Seconds until the question is answered with yes. */
  long decidedAt(
      EvaluationSpec spec, Trial.Question question, LatencyTraffic.Laws laws, Draws draws) {
    Trial trial = new Trial(spec.toBuilder().setSeed(draws.nextLong()).build());
    LatencyTraffic.Run run = requests.new Run(laws, draws);
    for (int second = 0; second < requests.course().seconds(); second++) {
      if (run.step(trial, second, question) || compared(trial, question, draws)) {
        return second + 1L;
      }
    }
    return Experiment.NEVER;
  }

  private boolean compared(Trial trial, Trial.Question question, Draws draws) {
    trial.pairs(PairTraffic.decisions(pairsPerSecond, draws.binomial(pairsPerSecond, changed)));
    if (trial.answer(question)) {
      return true;
    }
    List<LabelledScore> scores = new ArrayList<>();
    for (int i = 0; i < pairsPerSecond / 2; i++) {
      int outcome = (int) (draws.nextLong() & 1);
      scores.add(
          trial.paired(
              PairTraffic.decided(outcome, championWrong, draws),
              PairTraffic.decided(outcome, challengerWrong, draws),
              outcome));
    }
    trial.labels(scores);
    return trial.answer(question);
  }
}
