package dev.understudy.modelserver.execution;

/**
 * How a model runs.
 *
 * @param intraOpThreads threads within one operator, the caller's included; 1 or more
 * @param interOpThreads threads across operators; 1 runs the operators one after another
 */
public record ExecutionOptions(int intraOpThreads, int interOpThreads) {
  /** One thread per instance: what a server with shared cores wants. */
  public static final ExecutionOptions DEFAULT = new ExecutionOptions(1, 1);

  /** Checks the ranges. */
  public ExecutionOptions {
    if (intraOpThreads < 1 || interOpThreads < 1) {
      throw new IllegalArgumentException(
          "threads: " + intraOpThreads + ", " + interOpThreads + " (expected: each >= 1)");
    }
  }
}
