package dev.understudy.comparator.worker;

import dev.understudy.chassis.rpc.StreamHandler;
import dev.understudy.chassis.rpc.StreamSender;
import dev.understudy.comparator.pairs.PairWorker;
import dev.understudy.proto.v1.EvaluationChange;
import dev.understudy.proto.v1.WatchEvaluationsRequest;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;

/** Follows at the judge which evaluations are open, and has their pairs measured. */
final class EvaluationFollower implements StreamHandler<WatchEvaluationsRequest, EvaluationChange> {
  private static final Logger log = Logger.getLogger(EvaluationFollower.class.getName());

  private final PairWorker pairs;
  private boolean fresh;

  EvaluationFollower(PairWorker pairs) {
    this.pairs = pairs;
  }

  @Override
  public void onConnected(StreamSender<WatchEvaluationsRequest> sender) {
    fresh = true;
    sender.send(WatchEvaluationsRequest.getDefaultInstance());
    sender.complete();
  }

  @Override
  public void onMessage(EvaluationChange change) {
    if (fresh) {
      // What was stopped meanwhile is not told, and everything that is open is told again. Only
      // now, as an attempt to connect is not yet a judge.
      pairs.forgetAll();
      fresh = false;
    }
    switch (change.getChangeCase()) {
      case STARTED -> pairs.judge(change.getStarted(), List.of());
      case STOPPED -> pairs.forget(change.getStopped());
      case TOLERANCE -> pairs.learned(change.getRolloutId(), change.getTolerance());
      case CHANGE_NOT_SET -> {
        // The first message of a stream, or one of a later version.
      }
    }
  }

  @Override
  public void onLost(String why) {
    log.log(Level.INFO, "The judge does not tell its evaluations: {0}", why);
  }
}
