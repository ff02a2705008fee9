package dev.understudy.router.patterns;

import java.util.List;

/** Ways of asking that a person should know of. */
public enum Pattern {
  /** Requests that are almost, but not quite, the caller's latest ones. */
  NEAR_DUPLICATES("pattern.near-duplicates"),
  /** Answers near the decision's cutoff, far more often than the model's callers get them. */
  BOUNDARY_PROBING("pattern.boundary-probing"),
  /** Far more calls than the caller's own history has. */
  VOLUME("pattern.volume");

  static final List<Pattern> ALL = List.of(values());

  private final String flag;

  Pattern(String flag) {
    this.flag = flag;
  }

  /** As calls are flagged. */
  public String flag() {
    return flag;
  }
}
