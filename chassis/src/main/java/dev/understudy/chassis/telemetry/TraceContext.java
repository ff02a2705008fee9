package dev.understudy.chassis.telemetry;

import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Where a call stands in a trace, as W3C Trace Context says it in {@code traceparent}: version,
 * trace id (32 lower-case hex digits, not all zero), span id (16, not all zero) and flags, of which
 * the lowest bit says that the trace is recorded. A higher version is read by the fields of version
 * 00, and version ff is none. Immutable.
 *
 * @param traceId 32 lower-case hex digits
 * @param spanId 16 lower-case hex digits
 * @param sampled whether the trace is recorded
 * @see <a href="https://www.w3.org/TR/trace-context/">W3C Trace Context</a>
 */
public record TraceContext(String traceId, String spanId, boolean sampled) {
  /** The metadata that carries it. */
  public static final String HEADER = "traceparent";

  private static final int LENGTH = 55;
  private static final char[] HEX = "0123456789abcdef".toCharArray();

  /** Reads a header's value; null when there is none, or it is not one. */
  public static @Nullable TraceContext parse(@Nullable String header) {
    if (header == null || !isValid(header)) {
      return null;
    }
    return new TraceContext(header.substring(3, 35), header.substring(36, 52), sampled(header));
  }

  /** Whether a header's value is one; allocates nothing. */
  static boolean isValid(String header) {
    if (header.length() < LENGTH
        || header.charAt(2) != '-'
        || header.charAt(35) != '-'
        || header.charAt(52) != '-'
        || digit(header.charAt(0)) < 0
        || digit(header.charAt(1)) < 0
        || digit(header.charAt(53)) < 0
        || digit(header.charAt(54)) < 0) {
      return false;
    }
    boolean first = header.startsWith("00");
    if (header.startsWith("ff") || (header.length() > LENGTH && first)) {
      return false;
    }
    if (header.length() > LENGTH && header.charAt(LENGTH) != '-') {
      return false;
    }
    return isId(header, 3, 35) && isId(header, 36, 52);
  }

  /** The flag of a valid header. */
  static boolean sampled(String header) {
    return (digit(header.charAt(54)) & 1) != 0;
  }

  private static boolean isId(String text, int from, int to) {
    boolean some = false;
    for (int i = from; i < to; i++) {
      int digit = digit(text.charAt(i));
      if (digit < 0) {
        return false;
      }
      some |= digit != 0;
    }
    return some;
  }

  private static int digit(char c) {
    if (c >= '0' && c <= '9') {
      return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  }

  /** A new trace id. */
  static String newTraceId(RandomGenerator random) {
    return hex(nonZero(random)) + hex(random.nextLong());
  }

  /** A new span id. */
  static String newSpanId(RandomGenerator random) {
    return hex(nonZero(random));
  }

  private static long nonZero(RandomGenerator random) {
    long value = random.nextLong();
    return value == 0 ? 1 : value;
  }

  private static String hex(long value) {
    char[] digits = new char[16];
    for (int i = 0; i < 16; i++) {
      digits[i] = HEX[(int) (value >>> (60 - 4 * i)) & 15];
    }
    return new String(digits);
  }

  /** The header's value. */
  public String header() {
    return "00-" + traceId + '-' + spanId + (sampled ? "-01" : "-00");
  }
}
