package dev.understudy.router.patterns;

import java.util.List;

/** Ways of asking that a person should know of. */
public enum Pattern {
  /** Requests that are almost, but not quite, the caller's latest ones. */
  NEAR_DUPLICATES(0, "pattern.near-duplicates"),
  /** Answers near the decision's cutoff, far more often than the model's callers get them. */
  BOUNDARY_PROBING(1, "pattern.boundary-probing"),
  /** Far more calls than the caller's own history has. */
  VOLUME(2, "pattern.volume");

  static final List<Pattern> ALL = List.of(values());

  /** From 0, without gaps: a place in arrays. */
  final int index;

  private final String flag;

  Pattern(int index, String flag) {
    this.index = index;
    this.flag = flag;
  }

  /** As calls are flagged. */
  public String flag() {
    return flag;
  }
}
