package dev.understudy.evidence.fold;

import dev.understudy.evidence.process.SplitCheck;
import dev.understudy.evidence.words.Words;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.SplitReport;

/** Were requests (or keys) split as configured? Counts assignments, never answers. */
final class SplitFold {
  private final SplitCheck check = new SplitCheck();
  private long canary;
  private long total;
  private double expected;

  void block(BlockView view) {
    view.groups()
        .forEach((force, group) -> {
          double w = force.w();
          if (w <= 0 || w >= 1) {
            return;
          }
          long here = group.canary.assigned + group.baseline.assigned;
          check.assigned(w, group.canary.assigned, group.baseline.assigned);
          canary += group.canary.assigned;
          total += here;
          expected += w * (double) here;
        });
  }

  boolean doubted(double alpha) {
    return check.mismatch(alpha);
  }

  SplitReport report(double alpha) {
    double logE = check.logE();
    double expectedShare = total == 0 ? Double.NaN : expected / (double) total;
    double actualShare = total == 0 ? Double.NaN : (double) canary / (double) total;
    boolean wrong = check.mismatch(alpha);
    Result result = Result.UNDECIDED;
    if (wrong) {
      result = Result.AGAINST;
    } else if (total == 0) {
      result = Result.CANNOT_MEASURE;
    }
    return SplitReport.newBuilder()
        .setResult(result)
        .setStatement(
            wrong
                ? Words.splitWrong(actualShare, expectedShare)
                : Words.splitHolds(actualShare, expectedShare))
        .setLogEvidence(logE)
        .setLogAlarm(-StrictMath.log(alpha))
        .setExpectedShare(expectedShare)
        .setActualShare(actualShare)
        .build();
  }
}
