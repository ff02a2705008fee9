package dev.understudy.evidence.fold;

/** A number for people and its interval; NaN where nothing is known. */
record Estimate(double value, double low, double high) {
  static final Estimate NONE = new Estimate(Double.NaN, Double.NaN, Double.NaN);

  /** How often the intervals that are shown may ever miss. */
  static final double LEVEL = 0.05;

  Estimate times(double scale) {
    return new Estimate(value * scale, low * scale, high * scale);
  }
}
