package dev.understudy.evidence.tally;

import dev.understudy.proto.v1.LabelledPrediction;
import dev.understudy.proto.v1.LabelledScore;
import dev.understudy.proto.v1.Role;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * Turns a known outcome into the integers of the log: the scores of both versions and the truth, in
 * millionths. What they lose is not settled here, so that a log can be judged by another loss.
 */
public final class Scores {
  /** Stands for what is not a number. */
  public static final long NOT_A_NUMBER = Long.MIN_VALUE;

  private static final double MICROS = 1e6;
  private static final double MOST = 9e18;

  private Scores() {}

  /** The scores of the arm that answered and, where it was shadowed, of the challenger. */
  public static LabelledScore of(LabelledPrediction label) {
    LabelledScore.Builder score =
        LabelledScore.newBuilder()
            .setRole(label.getRole())
            .setCanaryWeightBp(label.getCanaryWeightBp())
            .setScoreMicros(micros(label.getScore()))
            .setOutcomeMicros(micros(label.getOutcome()))
            .setPrediction(fingerprint(label.getPredictionId()))
            .addAllSlices(label.getSlicesList());
    label.getCopiesList().stream()
        .filter(copy -> copy.getRole() == Role.SHADOW)
        .findFirst()
        .ifPresent(copy -> score.setShadowScoreMicros(micros(copy.getScore())));
    return score.build();
  }

  /** A number in millionths, rounded to nearest, ties upward. */
  public static long micros(double value) {
    return Double.isNaN(value)
        ? NOT_A_NUMBER
        : (long) StrictMath.clamp(StrictMath.floor(value * MICROS + 0.5), -MOST, MOST);
  }

  /** The number that so many millionths stand for; NaN for {@link #NOT_A_NUMBER}. */
  public static double value(long micros) {
    return micros == NOT_A_NUMBER ? Double.NaN : (double) micros / MICROS;
  }

  /** First eight bytes of the SHA-256 of a prediction id, the first byte most significant. */
  public static long fingerprint(String predictionId) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256")
              .digest(predictionId.getBytes(StandardCharsets.UTF_8));
      return ByteBuffer.wrap(hash).getLong();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
