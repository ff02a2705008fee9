package dev.understudy.modelkit;

import java.util.List;

/**
 * How good the fraud models are on rows that none of them was trained on.
 *
 * @param seed what everything follows from
 * @param trainRows rows in training
 * @param testRows rows measured on
 * @param positiveShare share of frauds among the rows measured on
 * @param cutoff probability from which on a payment is flagged
 * @param trainingMillis how long generating and training took, when it was done
 * @param versions one entry per version, from 1
 */
public record FraudReport(
    long seed,
    int trainRows,
    int testRows,
    double positiveShare,
    double cutoff,
    long trainingMillis,
    List<Version> versions) {

  /**
   * One version.
   *
   * @param version from 1
   * @param summary what it is, in a line
   * @param auc area under the ROC curve
   * @param brier mean squared error of the probabilities
   * @param flagged share of payments that reach the cut-off
   * @param changedDecisions share of payments decided otherwise than by version 1
   * @param brierGainMean mean over payments of version 1's squared error minus this one's
   * @param brierGainSd standard deviation of that difference over payments
   * @param sha256 digest of the ONNX file
   */
  public record Version(
      int version,
      String summary,
      double auc,
      double brier,
      double flagged,
      double changedDecisions,
      double brierGainMean,
      double brierGainSd,
      String sha256) {}

  /** The entry of one version, from 1. */
  public Version version(int version) {
    return versions.get(version - 1);
  }
}
