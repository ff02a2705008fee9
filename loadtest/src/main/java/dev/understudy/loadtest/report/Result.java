package dev.understudy.loadtest.report;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a load test found.
 *
 * @param title what was done, in words
 * @param load the load as it was asked for, in words
 * @param targets one measurement per target, in order; none if it was a sweep
 * @param comparison of two targets, or null
 * @param sweep or null
 * @param notes what a reader must know, in words
 * @param passedLimits limits that were passed, in words
 */
public record Result(
    String title,
    String load,
    List<Measurement> targets,
    @Nullable Comparison comparison,
    @Nullable SweepResult sweep,
    List<String> notes,
    List<String> passedLimits) {

  /** Copies. */
  public Result {
    targets = List.copyOf(targets);
    notes = List.copyOf(notes);
    passedLimits = List.copyOf(passedLimits);
  }

  /** Calls that did not end OK; those of a sweep are part of its search and do not count. */
  public long errors() {
    return targets.stream().mapToLong(target -> target.counted().errors()).sum();
  }
}
