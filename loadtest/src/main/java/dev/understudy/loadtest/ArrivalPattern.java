package dev.understudy.loadtest;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.SplittableRandom;

/** How calls are spread over time, whatever their mean rate. */
public sealed interface ArrivalPattern {

  /**
   * A schedule.
   *
   * @param perSecond mean calls per second, above 0; a replay keeps its own
   */
  Schedule schedule(double perSecond, long seed);

  /** Constant or Poisson. */
  record Steady(Arrivals.Kind kind) implements ArrivalPattern {
    @Override
    public Schedule schedule(double perSecond, long seed) {
      return new Arrivals(kind, perSecond, seed);
    }
  }

  /**
   * An on-off Markov-modulated Poisson process: bursts whose lengths are exponential with mean
   * {@code burst}, in which calls arrive at {@code factor} times the mean rate, and silences in
   * between, {@code factor − 1} times as long on average.
   *
   * @param factor above 1
   */
  record Bursty(Duration burst, double factor) implements ArrivalPattern {
    /** Checks ranges. */
    public Bursty {
      if (burst.isNegative() || burst.isZero()) {
        throw new IllegalArgumentException("burst: " + burst + " (expected: above 0)");
      }
      if (!(factor > 1) || factor > 1_000) {
        throw new IllegalArgumentException("burst factor: " + factor + " (expected: above 1)");
      }
    }

    @Override
    public Schedule schedule(double perSecond, long seed) {
      SplittableRandom random = new SplittableRandom(seed);
      Schedule poisson = new Arrivals(Arrivals.Kind.POISSON, perSecond * factor, random.nextLong());
      double mean = burst.toNanos();
      return new Schedule() {
        // Time within bursts is counted apart from the silences before it.
        private double silence = exponential(random, mean * (factor - 1));

        private double burstEnds = exponential(random, mean);

        @Override
        public long next() {
          long at = poisson.next();
          while (at >= burstEnds) {
            silence += exponential(random, mean * (factor - 1));
            burstEnds += exponential(random, mean);
          }
          return (long) (at + silence);
        }
      };
    }

    private static double exponential(SplittableRandom random, double mean) {
      return -Math.log1p(-random.nextDouble()) * mean;
    }
  }

  /**
   * Calls at recorded times.
   *
   * @param nanos since the first, ascending; not changed
   * @param speed 2 sends twice as fast
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Replayed(long[] nanos, double speed) implements ArrivalPattern {
    private static final int MOST = 10_000_000;

    /** Checks the speed. */
    public Replayed {
      if (!(speed > 0) || Double.isInfinite(speed)) {
        throw new IllegalArgumentException("speed: " + speed + " (expected: > 0)");
      }
    }

    /**
     * Reads a file with one time per line: seconds as a decimal number, or an ISO 8601 instant such
     * as {@code 2026-01-31T12:00:00.25Z}. What follows a comma is ignored, as are empty lines and
     * those that begin with {@code #}.
     *
     * @throws IllegalArgumentException naming file and line if one is no time or goes back, and if
     *     there is none or more than 10 million
     */
    public static Replayed read(Path file, double speed) throws IOException {
      long[] nanos = new long[1_024];
      int count = 0;
      long first = 0;
      int line = 0;
      try (BufferedReader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
        for (String text = reader.readLine(); text != null; text = reader.readLine()) {
          line++;
          int comma = text.indexOf(',');
          String time = (comma < 0 ? text : text.substring(0, comma)).strip();
          if (time.isEmpty() || time.startsWith("#")) {
            continue;
          }
          long at = nanos(time, file, line);
          first = count == 0 ? at : first;
          if (count > 0 && at - first < nanos[count - 1]) {
            throw new IllegalArgumentException(
                file
                    + ":"
                    + line
                    + ": "
                    + time
                    + " is before the line above (expected: ascending)");
          }
          if (count == MOST) {
            throw new IllegalArgumentException(file + ": more than " + MOST + " times");
          }
          if (count == nanos.length) {
            nanos = Arrays.copyOf(nanos, 2 * count);
          }
          nanos[count++] = at - first;
        }
      }
      if (count == 0) {
        throw new IllegalArgumentException(file + ": no times (expected: one per line)");
      }
      return new Replayed(Arrays.copyOf(nanos, count), speed);
    }

    private static long nanos(String text, Path file, int line) {
      try {
        if (text.indexOf('T') > 0) {
          Instant instant = Instant.parse(text);
          return Math.addExact(
              Math.multiplyExact(instant.getEpochSecond(), 1_000_000_000L), instant.getNano());
        }
        if (text.length() > 40 || text.indexOf('e') >= 0 || text.indexOf('E') >= 0) {
          throw new NumberFormatException("expected: plain decimal digits");
        }
        return new java.math.BigDecimal(text)
            .movePointRight(9)
            .setScale(0, java.math.RoundingMode.DOWN)
            .longValueExact();
      } catch (DateTimeException | ArithmeticException | NumberFormatException e) {
        throw new IllegalArgumentException(
            file
                + ":"
                + line
                + ": '"
                + text
                + "' is no time (expected: seconds or an ISO 8601 instant)",
            e);
      }
    }

    /** From the first call to the last, at this speed. */
    public Duration length() {
      return Duration.ofNanos((long) (nanos[nanos.length - 1] / speed) + 1);
    }

    @Override
    public Schedule schedule(double perSecond, long seed) {
      return new Schedule() {
        private int next;

        @Override
        public long next() {
          return next < nanos.length ? (long) (nanos[next++] / speed) : NEVER;
        }
      };
    }
  }
}
