package dev.understudy.evidence.process;

/**
 * An e-process that is the mean of K wealths, one for each bet of a fixed grid.
 *
 * <p>Each wealth is a nonnegative supermartingale from 1 under the null hypothesis, hence so is the
 * mean, and by Ville's inequality the chance that it <em>ever</em> reaches {@code 1/alpha} is at
 * most alpha: looking after every event is free. Wealths are kept as logarithms. Not thread-safe.
 */
public abstract sealed class GridProcess permits LabelProcess, MarginProcess, BettingMean {
  final double[] logWealth;
  private final long minEvents;
  private long events;

  GridProcess(int gridSize, long minEvents) {
    this.logWealth = new double[gridSize];
    this.minEvents = LogMath.count("minEvents", minEvents);
  }

  /** Natural logarithm of the e-value, as it is now. */
  public final double logE() {
    return LogMath.logMeanExp(logWealth);
  }

  /**
   * Natural logarithm of the e-value as a decision may use it: held at or below 0 until the least
   * number of events was seen. Holding an e-value down keeps it valid.
   */
  public final double logEvidence() {
    double logE = logE();
    return events >= minEvents ? logE : StrictMath.min(logE, 0);
  }

  /**
   * Whether the evidence is at least {@code 1 / level} now, with the least number of events seen.
   */
  public final boolean reaches(double level) {
    return LogMath.reaches(logEvidence(), level);
  }

  /** How many observations have moved this process; those made at {@code w} 0 or 1 have not. */
  public final long events() {
    return events;
  }

  final void counted(long more) {
    events = Math.addExact(events, more);
  }

  /**
   * Forgets the wealth, not the number of events: how a {@link ChangeDetector} takes a block's
   * factors out.
   */
  final void restart() {
    java.util.Arrays.fill(logWealth, 0);
  }
}
