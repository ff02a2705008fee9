package dev.understudy.loadtest.report;

import dev.understudy.loadtest.drive.Durations;
import dev.understudy.loadtest.drive.Series;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A limit that a measurement may not pass, such as {@code p99>20ms}, {@code errors>0.1%} or {@code
 * rate<900}: it names what is bad. Percentiles, {@code mean}, {@code max} and {@code lag} (99 % of
 * calls were sent at most so late) are durations; {@code errors} is a share with {@code %} or a
 * count; {@code rate} counts calls per second that ended OK; {@code cpu} is this process's time per
 * call. With two targets {@code ratio-p99>1.1} limits the ratio B to A: it is passed when the whole
 * 95 % interval is beyond the limit.
 */
public final class Threshold {
  private static final Pattern FORM =
      Pattern.compile(
          "\\s*(ratio-)?(p\\d{1,2}(?:\\.\\d+)?|mean|max|lag|cpu|errors|rate)\\s*([<>])"
              + "\\s*(\\d+(?:\\.\\d+)?)\\s*(ns|us|µs|ms|s|%|)\\s*");

  private final String text;
  private final String metric;
  private final boolean ratio;
  private final boolean above;
  private final double limit;
  private final String unit;

  private Threshold(
      String text, String metric, boolean ratio, boolean above, double limit, String unit) {
    this.text = text;
    this.metric = metric;
    this.ratio = ratio;
    this.above = above;
    this.limit = limit;
    this.unit = unit;
  }

  /**
   * Reads one.
   *
   * @throws IllegalArgumentException if the text is none
   */
  public static Threshold parse(String text) {
    Matcher form = FORM.matcher(text);
    if (!form.matches()) {
      throw new IllegalArgumentException(
          "'" + text + "' is no limit (expected: like p99>20ms, errors>0.1%, rate<900)");
    }
    String metric = form.group(2);
    String unit = form.group(5);
    boolean ratio = form.group(1) != null;
    boolean percentile = metric.startsWith("p");
    boolean fits =
        ratio
            ? percentile && unit.isEmpty()
            : switch (metric) {
              case "errors" -> unit.isEmpty() || unit.equals("%");
              case "rate" -> unit.isEmpty();
              default -> !unit.isEmpty() && !unit.equals("%");
            };
    if (!fits) {
      throw new IllegalArgumentException(
          "'"
              + text
              + "': "
              + (unit.isEmpty() ? "the unit is missing" : "the unit '" + unit + "' does not fit")
              + " (expected: durations with ns, us, ms or s; errors with % or as a count; rate and"
              + " ratio without)");
    }
    double limit = Double.parseDouble(form.group(4)) * scale(unit);
    return new Threshold(text.strip(), metric, ratio, form.group(3).equals(">"), limit, unit);
  }

  private static double scale(String unit) {
    return switch (unit) {
      case "us", "µs" -> 1e3;
      case "ms" -> 1e6;
      case "s" -> 1e9;
      default -> 1;
    };
  }

  /** Whether it limits the ratio of two targets. */
  public boolean isRatio() {
    return ratio;
  }

  /** The percentile that it limits; NaN if it is about something else. */
  public double percentile() {
    return metric.startsWith("p") ? Double.parseDouble(metric.substring(1)) : Double.NaN;
  }

  /** What is wrong, if this measurement passes the limit. */
  public Optional<String> passedBy(Series series) {
    if (ratio) {
      return Optional.empty();
    }
    Durations ok = series.ok();
    boolean aboutLatency = metric.startsWith("p") || metric.equals("mean") || metric.equals("max");
    if (aboutLatency && ok.count() == 0) {
      return Optional.of(text + ": no call ended OK");
    }
    double value =
        switch (metric) {
          case "mean" -> ok.mean();
          case "max" -> ok.max();
          case "lag" -> series.lag().percentile(99);
          case "cpu" -> (double) series.cpuNanos() / Math.max(1, series.calls());
          case "errors" -> unit.equals("%") ? 100 * series.errorShare() : (double) series.errors();
          case "rate" -> series.okPerSecond();
          default -> ok.percentile(percentile());
        };
    return passed(value) ? Optional.of(text + ": was " + shown(value)) : Optional.empty();
  }

  /**
   * The same for a ratio.
   *
   * @param lower bound of its interval, or the ratio itself if there is no interval
   * @param upper likewise
   */
  public Optional<String> passedByRatio(double lower, double upper) {
    return ratio && passed(above ? lower : upper)
        ? Optional.of(String.format(Locale.ROOT, "%s: was %.3f to %.3f", text, lower, upper))
        : Optional.empty();
  }

  private boolean passed(double value) {
    return above ? value > limit : value < limit;
  }

  private String shown(double value) {
    return switch (metric) {
      case "errors" -> String.format(Locale.ROOT, unit.equals("%") ? "%.3f %%" : "%.0f", value);
      case "rate" -> String.format(Locale.ROOT, "%.1f", value);
      default -> String.format(Locale.ROOT, "%.3f %s", value / scale(unit), unit);
    };
  }

  @Override
  public String toString() {
    return text;
  }
}
