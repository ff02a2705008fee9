package dev.understudy.evidence.simulation;

import java.util.Locale;

/** What is claimed of an experiment before it is run, and whether a measurement keeps it. */
public sealed interface Promise {
  /** Whether the measurement agrees with the claim, as far as its number of runs can tell. */
  boolean keptBy(Measured measured);

  /** The claim in a few words. */
  String words();

  /**
   * Decided in at most this share of all rollouts. A measurement may exceed it by three standard
   * errors of its number of runs.
   */
  record AtMost(double level) implements Promise {
    @Override
    public boolean keptBy(Measured measured) {
      return measured.share() <= bound(measured.runs());
    }

    /** The largest share that so many runs may show. */
    public double bound(int runs) {
      return level + 3 * StrictMath.sqrt(level * (1 - level) / runs);
    }

    @Override
    public String words() {
      return "at most " + Measured.percent(level);
    }
  }

  /** Decided in more than this share: power, or a wrong method that must be seen to fail. */
  record MoreThan(double share) implements Promise {
    @Override
    public boolean keptBy(Measured measured) {
      return measured.share() > share;
    }

    @Override
    public String words() {
      return "more than " + Measured.percent(share);
    }
  }

  /**
   * Half of all rollouts are decided after about so many observations.
   *
   * @param expected observations
   * @param tolerance share of them that it may be more or less
   */
  record Median(long expected, double tolerance) implements Promise {
    @Override
    public boolean keptBy(Measured measured) {
      return measured.median() >= least() && measured.median() <= most();
    }

    private long least() {
      return StrictMath.round((double) expected * (1 - tolerance));
    }

    private long most() {
      return StrictMath.round((double) expected * (1 + tolerance));
    }

    @Override
    public String words() {
      return String.format(Locale.ROOT, "median %,d to %,d", least(), most());
    }
  }

  /** Nothing is claimed; shown beside the others. */
  record Nothing() implements Promise {
    @Override
    public boolean keptBy(Measured measured) {
      return true;
    }

    @Override
    public String words() {
      return "none";
    }
  }
}
