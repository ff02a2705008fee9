package dev.understudy.router.record;

import dev.understudy.proto.v1.PairCell;
import org.jspecify.annotations.Nullable;

/** Counts of mirrored calls to one arm, kept as those of {@link ArmCell}. */
public final class PairTallies {
  private final PairKey key;
  private final Tally bothOk = new Tally();
  private final Tally onlyChampionBad = new Tally();
  private final Tally onlyCopyBad = new Tally();
  private final Tally bothBad = new Tally();
  private final Tally dropped = new Tally();
  private final Latencies latency = new Latencies();
  private int quietCuts;

  PairTallies(PairKey key) {
    this.key = key;
  }

  /** Both attempts have ended. */
  public void pair(boolean championOk, boolean copyOk, long copyNanos) {
    (championOk ? (copyOk ? bothOk : onlyCopyBad) : (copyOk ? onlyChampionBad : bothBad)).add();
    latency.record(copyNanos);
  }

  /** A copy was not sent because a bound was reached. */
  public void dropped() {
    dropped.add();
  }

  @Nullable PairCell cut() {
    PairCell.Builder cell =
        PairCell.newBuilder()
            .setBothOk(bothOk.growth())
            .setOnlyChampionBad(onlyChampionBad.growth())
            .setOnlyCopyBad(onlyCopyBad.growth())
            .setBothBad(bothBad.growth())
            .setDropped(dropped.growth())
            .setCopyLatency(latency.growth());
    if (cell.getBothOk()
                + cell.getOnlyChampionBad()
                + cell.getOnlyCopyBad()
                + cell.getBothBad()
                + cell.getDropped()
            == 0
        && cell.getCopyLatency().getIndexCount() == 0) {
      quietCuts++;
      return null;
    }
    quietCuts = 0;
    return cell.setRolloutId(key.rollout())
        .setModel(key.model())
        .setDecisionRevision(key.decisionRevision())
        .setRole(key.role())
        .setVersion(key.version())
        .build();
  }

  boolean quietFor(int cuts) {
    return quietCuts >= cuts;
  }
}
