package dev.understudy.rollout.engine;

import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.WatchSpec;

/** Whoever judges the evidence. No method blocks. */
public interface Judge extends AutoCloseable {
  /** Told what the judge says about one rollout, on any thread, one call at a time. */
  interface Listener {
    /** The judge has accepted what is to be judged. */
    void onStarted();

    /** The judge answered, with the report as it stands. */
    void onReport(EvidenceReport report);

    /** The judge will not judge this: the text says why. */
    void onRefused(String why);

    /** The judge compares the new champion with the one before it. */
    void onWatching();

    /** The judge will not compare them: the text says why. */
    void onWatchRefused(String why);
  }

  /** One rollout's evidence, until closed. */
  interface Feed extends AutoCloseable {
    /**
     * Has the judge watch a promotion, through interruptions and restarts of the judge. The same
     * watch may be given again.
     */
    void watch(WatchSpec watch);

    @Override
    void close();
  }

  /**
   * Has a rollout judged and listens to its report from now on, through interruptions and restarts
   * of the judge. The same spec may be given again.
   */
  Feed follow(EvaluationSpec spec, Listener listener);

  /** Ends an evaluation; a judge that cannot be reached is left alone. */
  void stop(String rolloutId);

  @Override
  void close();
}
