package dev.understudy.loadtest;

import dev.understudy.loadtest.drive.Pace;
import java.time.Duration;
import java.util.Locale;

/** How hard and in which rhythm a target is loaded. */
public sealed interface Load {

  /** The pace of one run. */
  Pace pace(long seed);

  /** In words, for reports. */
  String words();

  /**
   * Open loop: calls are sent when they are due, whatever became of those before.
   *
   * @param rate calls per second; a replay has its own
   * @param tick send times are moved up to the next multiple of this; zero leaves them exact
   * @param maxOutstanding calls that find as many on their way are counted as not sent
   */
  record Open(ArrivalPattern pattern, double rate, Duration tick, int maxOutstanding)
      implements Load {

    /** The same at another rate. */
    public Open at(double perSecond) {
      return new Open(pattern, perSecond, tick, maxOutstanding);
    }

    @Override
    public Pace pace(long seed) {
      return new Pace.Open(
          pattern.schedule(rate, seed), Math.max(1, tick.toNanos()), maxOutstanding);
    }

    @Override
    public String words() {
      String rhythm =
          switch (pattern) {
            case ArrivalPattern.Steady steady ->
                steady.kind().name().toLowerCase(Locale.ROOT) + " arrivals";
            case ArrivalPattern.Bursty bursty ->
                String.format(
                    Locale.ROOT,
                    "bursts of %d ms on average at %.3g times the mean rate",
                    bursty.burst().toMillis(),
                    bursty.factor());
            case ArrivalPattern.Replayed replayed ->
                String.format(
                    Locale.ROOT, "replayed arrivals at %.3g times their speed", replayed.speed());
          };
      String on = tick.isZero() ? "" : ", sent on ticks of " + tick.toNanos() / 1_000 + " µs";
      return pattern instanceof ArrivalPattern.Replayed
          ? "Open loop, " + rhythm + on
          : String.format(
              Locale.ROOT, "Open loop, %s calls per second, %s%s", number(rate), rhythm, on);
    }
  }

  private static String number(double rate) {
    return String.format(Locale.ROOT, rate == Math.rint(rate) ? "%,.0f" : "%,.3f", rate);
  }

  /**
   * Closed loop: each caller sends when its last call has ended.
   *
   * @param callers 1 or more
   */
  record Closed(int callers) implements Load {
    /** Checks the range. */
    public Closed {
      var _ = new Pace.Closed(callers);
    }

    @Override
    public Pace pace(long seed) {
      return new Pace.Closed(callers);
    }

    @Override
    public String words() {
      return String.format(Locale.ROOT, "Closed loop, %,d callers", callers);
    }
  }
}
