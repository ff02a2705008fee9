package dev.understudy.chassis.config;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads and writes quantities with their units. */
public final class Units {
  /** What {@link #duration(String)} accepts, for messages. */
  static final String DURATION_EXPECTED = "a duration such as 200us, 250ms, 1s, 5m, 1h30m";

  /** What {@link #bytes(String)} accepts, for messages. */
  static final String BYTES_EXPECTED = "a size such as 512B, 4KB, 64MiB, 1.5GiB";

  private static final Map<String, Long> NANOS =
      Map.of(
          "ns", 1L,
          "us", 1_000L,
          "µs", 1_000L,
          "ms", 1_000_000L,
          "s", 1_000_000_000L,
          "m", 60_000_000_000L,
          "h", 3_600_000_000_000L,
          "d", 86_400_000_000_000L);
  private static final Map<String, Long> BYTES =
      Map.of(
          "B", 1L,
          "KB", 1_000L,
          "KiB", 1L << 10,
          "MB", 1_000_000L,
          "MiB", 1L << 20,
          "GB", 1_000_000_000L,
          "GiB", 1L << 30,
          "TB", 1_000_000_000_000L,
          "TiB", 1L << 40);
  private static final String NUMBER = "(\\d{1,18}(?:\\.\\d{1,9})?)";
  private static final Pattern DURATION_PART = Pattern.compile(NUMBER + "(ns|us|µs|ms|s|m|h|d)");
  private static final Pattern SIZE = Pattern.compile(NUMBER + " ?([KMGT]i?B|B)");

  private Units() {}

  /**
   * Reads a duration: one or more numbers with the unit ns, us, ms, s, m, h or d; a bare 0 is
   * allowed.
   *
   * @throws IllegalArgumentException if the text has another form, is not a whole number of
   *     nanoseconds or exceeds 292 years
   */
  public static Duration duration(String text) {
    if (text.equals("0")) {
      return Duration.ZERO;
    }
    Matcher part = DURATION_PART.matcher(text);
    long nanos = 0;
    int at = 0;
    while (at < text.length() && part.find(at) && part.start() == at) {
      nanos = Math.addExact(nanos, product(part, NANOS, text, DURATION_EXPECTED));
      at = part.end();
    }
    if (at == 0 || at < text.length()) {
      throw malformed(text, DURATION_EXPECTED);
    }
    return Duration.ofNanos(nanos);
  }

  /**
   * Reads a number of bytes: a number with the unit B, KB, MB, GB, TB (powers of 1000) or KiB, MiB,
   * GiB, TiB (powers of 1024); a bare 0 is allowed.
   *
   * @throws IllegalArgumentException if the text has another form, is not a whole number of bytes
   *     or does not fit a long
   */
  public static long bytes(String text) {
    if (text.equals("0")) {
      return 0;
    }
    Matcher size = SIZE.matcher(text);
    if (!size.matches()) {
      throw malformed(text, BYTES_EXPECTED);
    }
    return product(size, BYTES, text, BYTES_EXPECTED);
  }

  /** Writes a duration so that {@link #duration(String)} reads the same value back. */
  public static String format(Duration duration) {
    long nanos = duration.toNanos();
    if (nanos < 0) {
      throw new IllegalArgumentException("duration: " + duration + " (expected: >= 0)");
    }
    for (String unit : new String[] {"d", "h", "m", "s", "ms", "us"}) {
      long size = NANOS.getOrDefault(unit, 1L);
      if (nanos != 0 && nanos % size == 0) {
        return nanos / size + unit;
      }
    }
    return nanos + "ns";
  }

  /** Writes a duration for people, rounded to three digits: {@code 1.25ms}. */
  public static String formatRounded(Duration duration) {
    double nanos = duration.toNanos();
    for (String unit : new String[] {"s", "ms", "us"}) {
      double value = nanos / NANOS.getOrDefault(unit, 1L);
      if (Math.abs(value) >= 1) {
        return value >= 100
            ? String.format(Locale.ROOT, "%.0f%s", value, unit)
            : String.format(Locale.ROOT, "%.3g%s", value, unit);
      }
    }
    return duration.toNanos() + "ns";
  }

  /** Writes a number of bytes so that {@link #bytes(String)} reads the same value back. */
  public static String formatBytes(long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException("bytes: " + bytes + " (expected: >= 0)");
    }
    for (String unit : new String[] {"TiB", "GiB", "MiB", "KiB"}) {
      long size = BYTES.getOrDefault(unit, 1L);
      if (bytes != 0 && bytes % size == 0) {
        return bytes / size + unit;
      }
    }
    return bytes + "B";
  }

  private static long product(Matcher part, Map<String, Long> units, String text, String expected) {
    long unit = units.getOrDefault(part.group(2), 0L);
    try {
      return new BigDecimal(part.group(1)).multiply(BigDecimal.valueOf(unit)).longValueExact();
    } catch (ArithmeticException tooLargeOrFine) {
      throw malformed(text, expected);
    }
  }

  private static IllegalArgumentException malformed(String text, String expected) {
    return new IllegalArgumentException("'" + text + "' (expected: " + expected + ")");
  }
}
