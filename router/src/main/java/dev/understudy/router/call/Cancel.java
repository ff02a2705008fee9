package dev.understudy.router.call;

/** Ends something under way, from any thread, any number of times; without effect afterwards. */
@FunctionalInterface
public interface Cancel {
  /** Ends it. */
  void cancel();
}
