package dev.understudy.router.record;

import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.SliceCell;
import dev.understudy.proto.v1.SliceLabel;
import org.jspecify.annotations.Nullable;

/** First attempts of one arm in one slice, kept as those of {@link ArmCell}. */
final class SliceTally {
  private final Tally ok = new Tally();
  private final Tally bad = new Tally();
  private final Latencies latency = new Latencies();

  /** A censored attempt is neither good nor bad, and still took its time. */
  void ended(Outcome outcome, long latencyNanos) {
    if (outcome == Outcome.OK) {
      ok.add();
    } else if (outcome.getNumber() >= Outcome.BAD_UNAVAILABLE_VALUE) {
      bad.add();
    }
    latency.record(latencyNanos);
  }

  @Nullable SliceCell cut(SliceLabel label) {
    SliceCell.Builder cell =
        SliceCell.newBuilder()
            .setLabel(label)
            .setOk(ok.growth())
            .setBad(bad.growth())
            .setLatency(latency.growth());
    return cell.getOk() == 0 && cell.getBad() == 0 && cell.getLatency().getIndexCount() == 0
        ? null
        : cell.build();
  }
}
