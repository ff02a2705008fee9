package dev.understudy.evidence.words;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;

/** Numbers as people read them; the same on every machine, whatever its locale. */
public final class Numbers {
  private static final double MILLION = 1e6;
  private static final MathContext TWO_DIGITS = new MathContext(2, RoundingMode.HALF_UP);
  private static final MathContext THREE_DIGITS = new MathContext(3, RoundingMode.HALF_UP);

  private Numbers() {}

  /** {@code 3100} as "3,100". */
  public static String count(long value) {
    return String.format(Locale.ROOT, "%,d", value);
  }

  /** A count of two significant digits: {@code 3127} as "3,100". */
  public static String about(long value) {
    return count(new BigDecimal(value).round(TWO_DIGITS).longValue());
  }

  /**
   * How strong evidence is, from its natural logarithm: "41×". Rounded down, so that nothing reads
   * as reached before it is; "none" where there is none.
   */
  public static String strength(double log) {
    if (Double.isNaN(log) || log <= 0) {
      return "none";
    }
    double factor = StrictMath.exp(StrictMath.min(log, 700));
    if (factor >= MILLION) {
      return "over 1,000,000×";
    }
    return factor < 10
        ? decimal(StrictMath.floor(factor * 10) / 10) + "×"
        : count((long) factor) + "×";
  }

  /** Where evidence acts, from its natural logarithm: "100×". Rounded to the nearest. */
  public static String level(double log) {
    double factor = StrictMath.exp(StrictMath.min(log, 700));
    if (factor >= MILLION) {
      return "over 1,000,000×";
    }
    return factor < 10 ? decimal(factor) + "×" : count(StrictMath.round(factor)) + "×";
  }

  /** Seconds, coarsely: "40 s", "12 min", "3 h", "2 days". */
  public static String duration(double seconds) {
    if (seconds < 1) {
      return "1 s";
    }
    if (seconds < 90) {
      return StrictMath.round(seconds) + " s";
    }
    if (seconds < 90 * 60) {
      return StrictMath.round(seconds / 60) + " min";
    }
    if (seconds < 48 * 3600) {
      return StrictMath.round(seconds / 3600) + " h";
    }
    return count(StrictMath.round(seconds / 86_400)) + " days";
  }

  /** A share as percent: {@code 0.051} as "5.1 %". */
  public static String percent(double share) {
    return decimal(share * 100) + " %";
  }

  /** A difference of shares: {@code 0.01} as "1 point", {@code 0.005} as "0.5 points". */
  public static String points(double difference) {
    String text = decimal(difference * 100);
    return text + (text.equals("1") ? " point" : " points");
  }

  /** Three significant digits without trailing zeros. */
  public static String decimal(double value) {
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      return "unknown";
    }
    BigDecimal rounded = new BigDecimal(value).round(THREE_DIGITS);
    return rounded.signum() == 0 ? "0" : rounded.stripTrailingZeros().toPlainString();
  }

  /** A time in nanoseconds: "850 µs", "2.1 ms", "1.35 s"; negative ones with their sign. */
  public static String nanos(double nanos) {
    double size = StrictMath.abs(nanos);
    if (size < 999.5e3) {
      return decimal(nanos / 1e3) + " µs";
    }
    return size < 999.5e6 ? decimal(nanos / 1e6) + " ms" : decimal(nanos / 1e9) + " s";
  }

  /** As {@link #nanos(double)}. */
  public static String nanos(long nanos) {
    return nanos((double) nanos);
  }

  /** {@code 0.999} as "p99.9". */
  static String shortPercentile(double quantile) {
    return "p"
        + new BigDecimal(quantile * 100)
            .setScale(2, RoundingMode.HALF_UP)
            .stripTrailingZeros()
            .toPlainString();
  }

  static String percentile(double quantile) {
    return decimal(quantile * 100) + "th percentile";
  }
}
