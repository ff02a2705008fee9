package dev.understudy.evidence.process;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.evidence.latency.SparseHistogram;

/**
 * Is the canary slower than the reference by more than a tolerance? One sign per block of time, so
 * that stalls, which make neighbouring requests slow together, count once.
 *
 * <p><b>Null hypothesis.</b> Abort: within each block, given the past, canary latencies divided by
 * {@code 1 + tolerance} exceed any level no more often than the reference's. Promote: no less
 * often.
 *
 * <p><b>Formula.</b> Seconds are joined to blocks of L seconds. tau is the reference's p-quantile
 * over the seconds <em>before</em> the block, an edge of the grid. In each of J thinnings the arm
 * with the larger share is thinned, every request kept with probability smaller/larger share, so
 * that under equality both halves are exchangeable whatever shape the block has. {@code d =
 * share(canary > tau(1 + tolerance)) - share(reference > tau)}; a positive sign of d is a bad event
 * on the canary, a negative one on the reference, 0 is skipped; they go to {@link LabelProcess}
 * with ratio 1 at w = 1/2, and the J e-values are averaged. {@code tau(1 + tolerance)} is rounded
 * to an edge, up for aborting and down for promoting: at most 0.8 % against either decision.
 *
 * <p>Thinning is exact as one binomial per group of buckets that share the outcome (above, between
 * the two roundings, below): a sum of binomials with one probability is binomial. Seeds are hashes
 * of (seed, first second of the block, thinning).
 *
 * <p><b>Source.</b> A sequential sign test on randomised blocks; {@link LabelProcess} for the
 * e-value.
 *
 * <p><b>What may vary.</b> Load, latencies and w, for both arms together. A change of shares or
 * revision discards the block it falls in.
 *
 * <p><b>Valid when</b> each request's arm is drawn independently with the stated shares, and blocks
 * are at least 5 times as long as the longest stall ([measured] 2.5 times is borderline, 1.25 times
 * breaks the level). A stall is a run of seconds whose median exceeds 4 times the median of the
 * arm's last 100 seconds, until it is at most 2 times that; once one has <em>ended</em>, later
 * blocks are at least 5 times as long. So the first stall longer than {@code minBlockSeconds/5} is
 * not covered, nor is one longer than {@code maxBlockSeconds/5}; and a slowness that never ends is
 * not a stall, but evidence. Not thread-safe.
 */
public final class BlockLatency {
  private static final int STALL_MULTIPLE = 5;
  // Together these keep a block within the trials that one binomial draw can take.
  private static final long MAX_LATENCIES_PER_SECOND = 1L << 32;
  private static final int LONGEST_BLOCK_SECONDS = 3600;

  /**
   * What is tested.
   *
   * @param quantile of the reference that gives tau, in (0, 1)
   * @param tolerance 0.25 allows the canary to be 25 % slower; 0 or more
   * @param thinnings J, at least 1
   * @param seed of the thinnings: a hash of the rollout
   * @param minBlockSeconds L at the start, at least 1
   * @param maxBlockSeconds L never grows beyond this; at most 3600
   * @param historySeconds of the reference that tau is taken from, at least 1
   * @param minHistory latencies that the history must hold before a block is judged, at least 1
   */
  public record Parameters(
      double quantile,
      double tolerance,
      int thinnings,
      long seed,
      int minBlockSeconds,
      int maxBlockSeconds,
      int historySeconds,
      long minHistory) {
    public Parameters {
      LogMath.openUnit("quantile", quantile);
      if (!(tolerance >= 0 && tolerance < Double.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "tolerance: " + tolerance + " (expected: >= 0 and finite)");
      }
      atLeastOne("thinnings", thinnings);
      atLeastOne("minBlockSeconds", minBlockSeconds);
      if (maxBlockSeconds < minBlockSeconds || maxBlockSeconds > LONGEST_BLOCK_SECONDS) {
        throw new IllegalArgumentException(
            "maxBlockSeconds: "
                + maxBlockSeconds
                + " (expected: "
                + minBlockSeconds
                + " to "
                + LONGEST_BLOCK_SECONDS
                + ")");
      }
      atLeastOne("historySeconds", historySeconds);
      atLeastOne("minHistory", minHistory);
    }

    /**
     * Four thinnings, blocks of 1 to 60 seconds, tau from the last 60 seconds once they hold 200
     * latencies.
     */
    public static Parameters of(double quantile, double tolerance, long seed) {
      return new Parameters(quantile, tolerance, 4, seed, 1, 60, 60, 200);
    }

    private static void atLeastOne(String name, long value) {
      if (value < 1) {
        throw new IllegalArgumentException(name + ": " + value + " (expected: >= 1)");
      }
    }
  }

  /**
   * One second, all routers merged. The histograms are read at once and not kept.
   *
   * @param second on the common clock grid
   * @param revision of the decision that set the shares; a change of it separates blocks
   * @param canaryShare probability of the canary, 0 to 1
   * @param canary latencies of first attempts in the canary
   * @param referenceShare probability of the reference arm: the control's, or the baseline's
   * @param reference latencies of the live control, or of the baseline where there is none
   */
  public record Second(
      long second,
      long revision,
      double canaryShare,
      SparseHistogram canary,
      double referenceShare,
      SparseHistogram reference) {
    public Second {
      LogMath.probability("canaryShare", canaryShare);
      LogMath.probability("referenceShare", referenceShare);
      checkTotal("canary", canary.total());
      checkTotal("reference", reference.total());
    }

    private static void checkTotal(String arm, long total) {
      if (total > MAX_LATENCIES_PER_SECOND) {
        throw new IllegalArgumentException(
            arm + " latencies: " + total + " (expected: at most 2^32)");
      }
    }
  }

  /** What else hears the signs of a block. */
  interface Signs {
    /** One sign on whether the canary is slower than the tolerance, of one thinning. */
    void against(int thinning, boolean canarySlower);

    /** The block has given all its signs; also one without any. */
    void blockEnds();
  }

  private static final Signs NOBODY =
      new Signs() {
        @Override
        public void against(int thinning, boolean canarySlower) {}

        @Override
        public void blockEnds() {}
      };

  private final Parameters parameters;
  private final Signs listener;
  private final LabelProcess[] against;
  private final LabelProcess[] proof;
  private final LatencyHistory history;
  private final StallWatch canaryStalls = new StallWatch();
  private final StallWatch referenceStalls = new StallWatch();

  private SparseHistogram blockCanary = new SparseHistogram();
  private SparseHistogram blockReference = new SparseHistogram();
  private long lastSecond = Long.MIN_VALUE;
  private long blockStart;
  private int blockLength;
  private long blockRevision;
  private double blockCanaryShare;
  private double blockReferenceShare;
  private boolean open;
  private long judged;
  private long tied;
  private long discarded;

  public BlockLatency(Parameters parameters) {
    this(parameters, NOBODY);
  }

  BlockLatency(Parameters parameters, Signs listener) {
    this.parameters = parameters;
    this.listener = listener;
    this.against = new LabelProcess[parameters.thinnings()];
    this.proof = new LabelProcess[parameters.thinnings()];
    for (int j = 0; j < parameters.thinnings(); j++) {
      against[j] = new LabelProcess(new LabelProcess.Parameters(Direction.ABORT, 1, 0));
      proof[j] = new LabelProcess(LabelProcess.Parameters.promote(1));
    }
    this.history = new LatencyHistory(parameters.historySeconds());
  }

  /**
   * Takes the next second. Seconds may be missing, but not come back.
   *
   * @throws IllegalArgumentException when {@code second} is not after the last one
   */
  public void add(Second next) {
    if (next.second() <= lastSecond) {
      throw new IllegalArgumentException(
          "second: " + next.second() + " (expected: after " + lastSecond + ")");
    }
    lastSecond = next.second();
    if (open && next.second() - blockStart >= blockLength) {
      closeBlock();
    }
    if (open
        && (next.revision() != blockRevision
            || next.canaryShare() != blockCanaryShare
            || next.referenceShare() != blockReferenceShare)) {
      discarded++;
      endBlock();
    }
    if (!open) {
      open(next);
    }
    blockCanary.merge(next.canary());
    blockReference.merge(next.reference());
    canaryStalls.second(next.canary());
    referenceStalls.second(next.reference());
    if (next.second() - blockStart == blockLength - 1) {
      closeBlock();
    }
  }

  /**
   * Takes a second before the canary had a share: nothing is judged, but tau is known sooner. Any
   * tau from the past is valid, also one of the same version under another load. While a block is
   * open nothing is learned: its tau may know nothing of the block's own time.
   */
  public void learn(SparseHistogram reference) {
    if (!open) {
      history.add(reference, 1);
    }
  }

  /** Natural logarithm of the e-value against "not slower than the tolerance". */
  public double logEAgainst() {
    return meanLogE(against);
  }

  /** Natural logarithm of the e-value against "slower than the tolerance". */
  public double logEFor() {
    return meanLogE(proof);
  }

  /** Blocks that gave at least one sign. */
  public long judgedBlocks() {
    return judged;
  }

  /** Complete blocks without any sign: ties, an empty arm, or too little history. */
  public long tiedBlocks() {
    return tied;
  }

  /** Blocks given up because shares or revision changed within them. */
  public long discardedBlocks() {
    return discarded;
  }

  /** L of the block in progress, or of the next. */
  public int blockSeconds() {
    return open ? blockLength : nextLength();
  }

  /** tau, in nanoseconds, as the next block would use it; 0 while the history is too short. */
  public long thresholdNanos() {
    return history.total() < parameters.minHistory()
        ? 0
        : history.quantileUpperNanos(parameters.quantile());
  }

  private void open(Second first) {
    open = true;
    blockStart = first.second();
    blockLength = nextLength();
    blockRevision = first.revision();
    blockCanaryShare = first.canaryShare();
    blockReferenceShare = first.referenceShare();
  }

  private int nextLength() {
    long stall = Math.max(canaryStalls.longestSeconds(), referenceStalls.longestSeconds());
    return Math.clamp(
        STALL_MULTIPLE * stall, parameters.minBlockSeconds(), parameters.maxBlockSeconds());
  }

  private void closeBlock() {
    if (judge()) {
      judged++;
    } else {
      tied++;
    }
    listener.blockEnds();
    endBlock();
  }

  private void endBlock() {
    history.add(blockReference, blockLength);
    blockCanary = new SparseHistogram();
    blockReference = new SparseHistogram();
    open = false;
  }

  private boolean judge() {
    long tau = thresholdNanos();
    if (tau == 0 || blockCanaryShare == 0 || blockReferenceShare == 0) {
      return false;
    }
    double allowed = (double) tau * (1 + parameters.tolerance());
    if (allowed >= (double) LatencyGrid.lowerNanos(LatencyGrid.SIZE - 1)) {
      return false; // Beyond the grid nothing can be told apart.
    }
    int down = LatencyGrid.index((long) allowed);
    int up = LatencyGrid.firstAtOrAbove((long) StrictMath.ceil(allowed));
    Groups canary = Groups.of(blockCanary, up, down);
    Groups reference = Groups.of(blockReference, LatencyGrid.index(tau), LatencyGrid.index(tau));
    double keepCanary = StrictMath.min(1, blockReferenceShare / blockCanaryShare);
    double keepReference = StrictMath.min(1, blockCanaryShare / blockReferenceShare);
    boolean sign = false;
    for (int j = 0; j < parameters.thinnings(); j++) {
      Draws draws = new Draws(parameters.seed(), blockStart, j);
      Groups c = canary.thinned(keepCanary, draws);
      Groups r = reference.thinned(keepReference, draws);
      if (c.total() == 0 || r.total() == 0) {
        continue;
      }
      int slower = compareProducts(c.aboveUp(), r.total(), r.aboveUp(), c.total());
      if (slower != 0) {
        against[j].bad(0.5, slower > 0);
        listener.against(j, slower > 0);
      }
      int notFaster = compareProducts(c.aboveDown(), r.total(), r.aboveDown(), c.total());
      if (notFaster != 0) {
        proof[j].bad(0.5, notFaster > 0);
      }
      sign |= slower != 0 || notFaster != 0;
    }
    return sign;
  }

  /** Compares {@code a*b} with {@code c*d} exactly; all are 0 or more. */
  private static int compareProducts(long a, long b, long c, long d) {
    int high = Long.compare(Math.multiplyHigh(a, b), Math.multiplyHigh(c, d));
    return high != 0 ? high : Long.compareUnsigned(a * b, c * d);
  }

  private static double meanLogE(LabelProcess[] thinnings) {
    double[] logE = new double[thinnings.length];
    for (int j = 0; j < logE.length; j++) {
      logE[j] = thinnings[j].logE();
    }
    return LogMath.logMeanExp(logE);
  }

  /** A block's latencies by where they fall: at or above the upper edge, between both, below. */
  private record Groups(long above, long between, long below) {
    static Groups of(SparseHistogram histogram, int up, int down) {
      long fromUp = histogram.countFrom(up);
      long fromDown = histogram.countFrom(down);
      return new Groups(fromUp, fromDown - fromUp, histogram.total() - fromDown);
    }

    Groups thinned(double keep, Draws draws) {
      return keep == 1
          ? this
          : new Groups(
              draws.binomial(above, keep),
              draws.binomial(between, keep),
              draws.binomial(below, keep));
    }

    long aboveUp() {
      return above;
    }

    long aboveDown() {
      return above + between;
    }

    long total() {
      return above + between + below;
    }
  }
}
