package dev.understudy.evidence.process;

import java.util.ArrayList;
import java.util.List;

/**
 * Watches for latency that gets worse late: the signs of {@link BlockLatency}, in one {@link
 * ChangeDetector} for each thinning.
 *
 * <p><b>Null hypothesis, valid when:</b> those of {@link BlockLatency}, at all times.
 *
 * <p><b>Formula.</b> M is the mean over the thinnings. Each detector's M less the number of blocks
 * is a supermartingale, hence so is their mean; a block is one second or more, so M less the number
 * of <em>seconds</em> is one too, and may be averaged with other detectors that step by seconds.
 * Not thread-safe.
 */
public final class LatencyChange {
  private final List<ChangeDetector<LabelProcess>> detectors = new ArrayList<>();
  private final BlockLatency blocks;

  /**
   * A detector that has seen nothing.
   *
   * @param horizonBlocks number of blocks that the guarantee is for, at least 1
   */
  public LatencyChange(BlockLatency.Parameters parameters, long horizonBlocks) {
    for (int j = 0; j < parameters.thinnings(); j++) {
      detectors.add(
          new ChangeDetector<>(
              new LabelProcess(new LabelProcess.Parameters(Direction.ABORT, 1, 0)), horizonBlocks));
    }
    List<ChangeDetector<LabelProcess>> fed = detectors;
    blocks =
        new BlockLatency(
            parameters,
            new BlockLatency.Signs() {
              @Override
              public void against(int thinning, boolean canarySlower) {
                fed.get(thinning).block().bad(0.5, canarySlower);
              }

              @Override
              public void blockEnds() {
                fed.forEach(ChangeDetector::endBlock);
              }
            });
  }

  /**
   * Takes the next second; the canary is the version that is watched.
   *
   * @throws IllegalArgumentException when the second is not after the last one
   */
  public void add(BlockLatency.Second next) {
    blocks.add(next);
  }

  /** Natural logarithm of M after the last ended block; negative infinity before the first. */
  public double logM() {
    double[] logM = new double[detectors.size()];
    for (int j = 0; j < logM.length; j++) {
      logM[j] = detectors.get(j).logM();
    }
    return LogMath.logMeanExp(logM);
  }

  /** Blocks that gave at least one sign. */
  public long judgedBlocks() {
    return blocks.judgedBlocks();
  }
}
