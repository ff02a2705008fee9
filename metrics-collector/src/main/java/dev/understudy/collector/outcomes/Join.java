package dev.understudy.collector.outcomes;

import dev.understudy.collector.predictions.PredictionStore.Payload;
import dev.understudy.proto.v1.CopyScore;
import dev.understudy.proto.v1.LabelledPrediction;
import dev.understudy.proto.v1.PayloadRecord;
import dev.understudy.proto.v1.Role;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Brings the answers to one call and its outcome together. Pure. */
final class Join {
  private Join() {}

  /** Whether the answer that went to the caller is among the payloads, and since when. */
  static @Nullable Payload answer(List<Payload> payloads) {
    Payload found = null;
    for (Payload payload : payloads) {
      switch (payload.record().getRole()) {
        case CHAMPION, CANARY, CONTROL -> found = payload;
        default -> {}
      }
    }
    return found;
  }

  /** Whether a shadow's answer is among the payloads. */
  static boolean hasShadow(List<Payload> payloads) {
    return payloads.stream().anyMatch(payload -> payload.record().getRole() == Role.SHADOW);
  }

  /**
   * The labelled prediction, without a sequence; null if the answer cannot be judged by one
   * outcome, because it holds no score, several rows, or a score that is not finite. A copy without
   * a score, or with several rows, is left out; one whose score is not finite has NaN as its score,
   * for it has answered, and not with a number: it loses all, instead of not being judged.
   */
  static @Nullable LabelledPrediction label(
      PayloadRecord answer, List<Payload> payloads, double outcome, long arrivedMs) {
    Double score = score(answer);
    if (score == null || score.isNaN()) {
      return null;
    }
    var label =
        LabelledPrediction.newBuilder()
            .setPredictionId(answer.getPredictionId())
            .setRolloutId(answer.getRolloutId())
            .setModel(answer.getModel())
            .setRole(answer.getRole())
            .setCanaryWeightBp(answer.getCanaryWeightBp())
            .setScore(score)
            .setOutcome(outcome)
            .setPredictedUnixMs(answer.getUnixMs())
            .setArrivedUnixMs(arrivedMs)
            .addAllSlices(answer.getSlicesList());
    boolean shadow = false;
    boolean control = false;
    for (Payload payload : payloads) {
      PayloadRecord copy = payload.record();
      Role role = copy.getRole();
      boolean wanted =
          (role == Role.SHADOW && !shadow) || (role == Role.MIRRORED_CONTROL && !control);
      Double copyScore = wanted ? score(copy) : null;
      if (copyScore != null) {
        shadow |= role == Role.SHADOW;
        control |= role == Role.MIRRORED_CONTROL;
        label.addCopies(CopyScore.newBuilder().setRole(role).setScore(copyScore));
      }
    }
    return label.build();
  }

  /** The one score of an answer, NaN where it is not finite; null when there is not one. */
  private static @Nullable Double score(PayloadRecord payload) {
    if (payload.getScoresCount() != 1) {
      return null;
    }
    double score = payload.getScores(0);
    return Double.isFinite(score) ? score : Double.NaN;
  }
}
