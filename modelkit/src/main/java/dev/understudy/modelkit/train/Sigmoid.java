package dev.understudy.modelkit.train;

/** The logistic function, the same on every machine. */
final class Sigmoid {
  private Sigmoid() {}

  static double of(double logit) {
    return 1 / (1 + StrictMath.exp(-logit));
  }
}
