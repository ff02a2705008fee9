package dev.understudy.router.call;

import org.jspecify.annotations.Nullable;

/**
 * How much a call matters when not all can be served, from what goes first to what goes last. The
 * order of the constants is the order of the classes.
 */
public enum Criticality {
  /** Refused first: batch work, prefetches, what will be asked again anyway. */
  SHEDDABLE("sheddable"),

  /** What callers are who say nothing. */
  DEFAULT("default"),

  /** Refused last, and only by principals that are allowed to say so. */
  CRITICAL("critical");

  /** The header by which a caller says it. */
  public static final String HEADER = "x-understudy-criticality";

  private static final Criticality[] ALL = values();

  private final String word;

  Criticality(String word) {
    this.word = word;
  }

  /** As the header and metrics have it. */
  public String word() {
    return word;
  }

  /** The class that a header names, or null. */
  public static @Nullable Criticality of(String word) {
    for (Criticality criticality : ALL) {
      if (criticality.word.equals(word)) {
        return criticality;
      }
    }
    return null;
  }

  /** The lower of two. */
  public Criticality atMost(Criticality other) {
    return compareTo(other) <= 0 ? this : other;
  }
}
