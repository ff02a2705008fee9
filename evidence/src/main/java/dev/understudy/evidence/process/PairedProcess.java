package dev.understudy.evidence.process;

/**
 * Of the cases on which exactly one of two models is bad, is it the challenger too often? McNemar's
 * test made sequential.
 *
 * <p><b>Null hypothesis.</b> {@link Direction#ABORT}: among discordant pairs the challenger's odds
 * of being the bad one are at most {@code ratio}. {@link Direction#PROMOTE}: at least {@code
 * ratio}.
 *
 * <p><b>Formula and source.</b> {@link LabelProcess} at w = 1/2, fed with discordant pairs only.
 *
 * <p><b>What may vary.</b> How often either model is bad, and how often they disagree.
 *
 * <p><b>Valid when</b> pairs go missing independently of their result: a shadow that times out is a
 * pair on which it is bad, not a pair less. Not thread-safe.
 */
public final class PairedProcess {
  private final LabelProcess labels;

  public PairedProcess(LabelProcess.Parameters parameters) {
    this.labels = new LabelProcess(parameters);
  }

  /** One pair; concordant ones change nothing. */
  public void pair(boolean championBad, boolean challengerBad) {
    if (championBad != challengerBad) {
      labels.bad(0.5, challengerBad);
    }
  }

  /** Discordant pairs, in any order. */
  public void add(long challengerOnlyBad, long championOnlyBad) {
    labels.bad(0.5, challengerOnlyBad, championOnlyBad);
  }

  /** Natural logarithm of the e-value, as it is now. */
  public double logE() {
    return labels.logE();
  }

  /** As {@link GridProcess#logEvidence()}. */
  public double logEvidence() {
    return labels.logEvidence();
  }

  /** Whether the evidence is at least {@code 1 / level} now. */
  public boolean reaches(double level) {
    return labels.reaches(level);
  }

  /** Discordant pairs seen. */
  public long events() {
    return labels.events();
  }
}
