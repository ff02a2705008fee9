package dev.understudy.evidence.simulation;

import dev.understudy.evidence.process.Draws;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.WatchSpec;

/**
 * After a promotion: the new champion answers, and the version before it keeps a share.
 *
 * @param course seconds and troubles; its share is the one that is kept
 * @param perSecond requests of both versions
 * @param rate failure rate of both
 * @param worse failure rate of the new champion once it has become worse
 * @param worseFrom second from which it is
 */
record WatchTraffic(Course course, int perSecond, double rate, double worse, int worseFrom) {
  private static final double INCIDENT = 8;

  /** Requests until the watch undoes the promotion. */
  long decidedAt(EvaluationSpec spec, Draws draws) {
    Trial trial = new Trial(spec);
    int kept = course.canaryBp();
    trial.record(
        EvidenceLogRecord.newBuilder()
            .setWatch(
                WatchSpec.newBuilder()
                    .setHorizonSeconds(course.seconds())
                    .setAlpha(spec.getAlpha())
                    .setKeptBp(kept)
                    .setStartedUnixMs(Specs.START_SECOND * 1000)));
    for (int second = 0; second < course.seconds(); second++) {
      double trouble = course.troubled(second) ? INCIDENT : 1;
      double now = StrictMath.min(1, trouble * (second >= worseFrom ? worse : rate));
      double before = StrictMath.min(1, trouble * rate);
      FailureTraffic.Counts counts =
          FailureTraffic.Counts.draw(perSecond, 1 - kept / 10_000.0, now, before, draws);
      trial.second(
          JoinedBlock.newBuilder()
              .setRouters(1)
              .addCells(
                  version(
                      Role.CHAMPION, Specs.CHALLENGER, kept, counts.canary(), counts.canaryBad()))
              .addCells(
                  version(
                      Role.CONTROL,
                      Specs.CHAMPION,
                      kept,
                      counts.champion(),
                      counts.championBad())));
      if (trial.answer(Trial.Question.STOPPED)) {
        return (second + 1L) * perSecond;
      }
    }
    return Experiment.NEVER;
  }

  private static Cell version(Role role, String version, int kept, long requests, long bad) {
    return Cells.of(role, 0, kept, requests - bad, bad, null).toBuilder()
        .setVersion(version)
        .setDecisionRevision(kept)
        .build();
  }
}
