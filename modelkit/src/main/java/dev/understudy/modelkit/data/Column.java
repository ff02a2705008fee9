package dev.understudy.modelkit.data;

/**
 * One column of a feature table.
 *
 * @param name the feature's name, in snake case
 * @param kind how its values are to be read
 * @param min smallest value that can occur; for a category the smallest known code
 * @param max largest value that can occur; for a category the largest code known in training
 * @param optional whether the value may be missing, written as NaN
 */
public record Column(String name, Kind kind, double min, double max, boolean optional) {

  /** How the values of a column are to be read. */
  public enum Kind {
    /** A number on a plain scale. */
    NUMBER,
    /** A number of zero or more with a long right tail: best seen through a logarithm. */
    SKEWED,
    /** Zero or one. */
    FLAG,
    /** A whole number that only names something. */
    CATEGORY
  }
}
