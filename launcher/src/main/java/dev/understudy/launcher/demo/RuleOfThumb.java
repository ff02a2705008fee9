package dev.understudy.launcher.demo;

import dev.understudy.evidence.fold.Replay;
import dev.understudy.evidence.rule.ThresholdRule;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceServiceGrpc.EvidenceServiceBlockingStub;
import dev.understudy.proto.v1.ReadLogRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What the usual rule on scraped error rates would have decided on the same evidence log. */
final class RuleOfThumb {

  /** Errors of the canary at most 1.5 times the champion's, in each window of 500 requests. */
  static final ThresholdRule RULE = new ThresholdRule(1.5, 500, 0);

  private RuleOfThumb() {}

  /** Its decision in words that follow "a threshold rule would". */
  static String verdict(EvidenceServiceBlockingStub comparator, String rolloutId) {
    List<EvidenceLogRecord> records = new ArrayList<>();
    comparator
        .readLog(ReadLogRequest.newBuilder().setRolloutId(rolloutId).build())
        .forEachRemaining(records::add);
    Replay replay = Replay.of(records, RULE);
    ThresholdRule.Decision decision = replay.rule();
    if (decision.stopped()) {
      return String.format(
          Locale.ROOT,
          "stop it after %,d requests (window %d)",
          decision.requests(),
          decision.windows());
    }
    if (decision.windows() == 0) {
      long failed = replay.report().getPairDiscordantCopyBad() + replay.report().getPairBothBad();
      return failed == 0
          ? "let it into the canary: none of its copies failed"
          : String.format(Locale.ROOT, "not have looked yet: %,d of its copies failed", failed);
    }
    return String.format(Locale.ROOT, "let it pass (%d windows)", decision.windows());
  }
}
