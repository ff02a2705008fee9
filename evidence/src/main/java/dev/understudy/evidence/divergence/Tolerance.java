package dev.understudy.evidence.divergence;

/**
 * How much of a difference between two numbers is noise: up to {@code atol + rtol |a|}, where a is
 * the champion's number.
 *
 * @param atol absolute part, 0 or more
 * @param rtol part relative to the champion's number, 0 or more
 * @param cap at so many times the tolerance the divergence is 1; at least 1
 */
public record Tolerance(double atol, double rtol, double cap) {
  /** For FP32, FP64 and integers: 1e-5, 1e-4, cap 10. */
  public static final Tolerance FP32 = new Tolerance(1e-5, 1e-4, 10);

  /** For FP16 and BF16: 1e-3, 1e-2, cap 10. */
  public static final Tolerance FP16 = new Tolerance(1e-3, 1e-2, 10);

  public Tolerance {
    if (!(atol >= 0 && rtol >= 0 && cap >= 1)
        || Double.isInfinite(atol + rtol)
        || Double.isInfinite(cap)) {
      throw new IllegalArgumentException(
          "atol, rtol, cap: "
              + atol
              + ", "
              + rtol
              + ", "
              + cap
              + " (expected: >= 0, >= 0, >= 1, all finite)");
    }
  }

  /**
   * What holds when none was declared.
   *
   * @param datatype name in the Open Inference Protocol
   */
  public static Tolerance usual(String datatype) {
    return datatype.equals("FP16") || datatype.equals("BF16") ? FP16 : FP32;
  }

  double allowed(double champion) {
    return atol + rtol * Math.abs(champion);
  }
}
