package dev.understudy.rollout.store;

/** A newer controller has taken over this state. The older one must not write again. */
public final class FencedException extends RuntimeException {
  FencedException(long own, long newest) {
    super("epoch: " + own + ", but a controller with epoch " + newest + " has taken over");
  }
}
