package dev.understudy.chassis.time;

/** Something scheduled that can be called off. */
@FunctionalInterface
public interface Cancellable {
  /** Sees to it that no further run begins; a run under way goes on. May be called repeatedly. */
  void cancel();
}
