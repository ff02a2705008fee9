package dev.understudy.evidence.divergence;

/** The greatest differences between two rows, for people to read. */
record Distances(double maxAbs, double maxRel, long maxUlp) {

  static Distances of(Tensor champion, Tensor shadow, int row, double[] a, double[] b) {
    double maxAbs = 0;
    double maxRel = 0;
    long maxUlp = 0;
    for (int i = 0; i < a.length; i++) {
      if (a[i] == b[i] || Double.isNaN(a[i]) || Double.isNaN(b[i])) {
        continue;
      }
      double distance = StrictMath.abs(a[i] - b[i]);
      maxAbs = StrictMath.max(maxAbs, distance);
      double relative =
          Double.isInfinite(a[i]) ? Double.POSITIVE_INFINITY : distance / StrictMath.abs(a[i]);
      maxRel = StrictMath.max(maxRel, relative);
      maxUlp = StrictMath.max(maxUlp, champion.ulps(shadow, row * a.length + i));
    }
    return new Distances(maxAbs, maxRel, maxUlp);
  }
}
