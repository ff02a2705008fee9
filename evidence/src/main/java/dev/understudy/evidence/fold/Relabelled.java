package dev.understudy.evidence.fold;

/**
 * How often a log in which nothing differs would have been stopped, had chance dealt the arms
 * otherwise.
 *
 * @param method how the copies were made
 * @param copies how many
 * @param stopped how many of them the fold would have stopped
 * @param low lower end of the exact 95 % interval of the share that is stopped (Clopper and
 *     Pearson, <i>Biometrika</i> 26(4), 1934)
 * @param high its upper end
 * @param alpha the share that is promised at most
 * @param seconds seconds in which both arms could be relabelled
 * @param untouched seconds with a canary that could not be, and are in every copy as they were
 * @param peakLogAgainst the greatest evidence against in the log as it is, natural logarithm
 */
public record Relabelled(
    Relabel.Method method,
    int copies,
    int stopped,
    double low,
    double high,
    double alpha,
    long seconds,
    long untouched,
    double peakLogAgainst) {

  /** The share of the copies that would have been stopped. */
  public double share() {
    return (double) stopped / copies;
  }

  /** Whether the measured share is compatible with the promise: its interval begins below it. */
  public boolean keepsThePromise() {
    return low <= alpha;
  }
}
