package dev.understudy.evidence.process;

/**
 * Watches for a change that comes late, when an e-process started at the beginning has long lost
 * its wealth.
 *
 * <p><b>Null hypothesis.</b> That of the process inside, at all times.
 *
 * <p><b>Formula.</b> Shiryaev and Roberts: {@code M_k <- (M_k + 1) F_k} at the end of each block,
 * F_k the block's factor for bet k, M the mean over the bets. {@code M_t - t} is a supermartingale,
 * so the chance that M reaches {@code N/alpha} within N blocks is at most alpha (Doob).
 *
 * <p><b>Source.</b> Shin, Ramdas and Rinaldo, <i>E-detectors</i>, arXiv 2203.03532.
 *
 * <p><b>What may vary, valid when:</b> as the process inside says. The horizon is fixed before the
 * first block. Not thread-safe.
 *
 * @param <P> the process that turns observations into factors
 */
public final class ChangeDetector<P extends GridProcess> {
  private final P block;
  private final long horizonBlocks;
  private final double[] logM;
  private long blocks;

  /**
   * A detector over a fresh process.
   *
   * @param block a process that has seen nothing; feed it through {@link #block()}
   * @param horizonBlocks number of blocks that the guarantee is for, at least 1
   */
  public ChangeDetector(P block, long horizonBlocks) {
    if (horizonBlocks < 1) {
      throw new IllegalArgumentException("horizonBlocks: " + horizonBlocks + " (expected: >= 1)");
    }
    if (block.events() != 0) {
      throw new IllegalArgumentException(
          "the process has seen " + block.events() + " events (expected: none)");
    }
    this.block = block;
    this.horizonBlocks = horizonBlocks;
    this.logM = new double[block.logWealth.length];
    java.util.Arrays.fill(logM, Double.NEGATIVE_INFINITY);
  }

  /** The block in progress: what is observed goes here. */
  public P block() {
    return block;
  }

  /** Ends the block in progress; an empty block counts too. */
  public void endBlock() {
    for (int k = 0; k < logM.length; k++) {
      logM[k] = LogMath.logOnePlusExp(logM[k]) + block.logWealth[k];
    }
    block.restart();
    blocks++;
  }

  /** Natural logarithm of M after the last ended block. */
  public double logM() {
    return LogMath.logMeanExp(logM);
  }

  /** Whether M is at least {@code horizonBlocks / alpha}: a change is proved. */
  public boolean detected(double alpha) {
    return LogMath.reaches(logM() - StrictMath.log((double) horizonBlocks), alpha);
  }

  /** Blocks ended. */
  public long blocks() {
    return blocks;
  }
}
