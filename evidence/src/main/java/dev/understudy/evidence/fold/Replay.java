package dev.understudy.evidence.fold;

import dev.understudy.evidence.latency.SparseHistogram;
import dev.understudy.evidence.rule.KayentaRule;
import dev.understudy.evidence.rule.ThresholdRule;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Folds a log once more, under its own plan or another, and asks what two rules on scraped metrics
 * would have decided on the same seconds: a threshold, and a judge in Kayenta's manner.
 *
 * @param report what the log amounts to
 * @param firstAgainstSequence number of the first record after which the evidence stopped the
 *     rollout; 0 when it never did
 * @param firstAgainstUnixMs time of that record; 0 when it never did
 * @param firstProvedSequence number of the first record after which everything critical that could
 *     be measured was proved; 0 when it never was. Looked for after each second, until the evidence
 *     was against the challenger
 * @param firstProvedUnixMs time of that record; 0 when it never was
 * @param rule what the threshold rule would have done
 * @param kayenta what the judge in Kayenta's manner would have done
 */
public record Replay(
    EvidenceReport report,
    long firstAgainstSequence,
    long firstAgainstUnixMs,
    long firstProvedSequence,
    long firstProvedUnixMs,
    ThresholdRule.Decision rule,
    KayentaRule.Decision kayenta) {

  /**
   * Replays records in sequence, under their own spec and beside {@link KayentaRule#USUAL}.
   *
   * @param records one evidence log from its first record
   * @throws IllegalArgumentException as {@link EvidenceFold#accept}
   * @throws IllegalStateException when there is no record
   */
  public static Replay of(List<EvidenceLogRecord> records, ThresholdRule rule) {
    Run run = new Run(UnaryOperator.identity(), rule, KayentaRule.USUAL);
    records.forEach(run::accept);
    return run.result();
  }

  /** Whether the evidence stopped the rollout in the end. */
  public boolean stopped() {
    return report.getOverall() == Result.AGAINST;
  }

  /** A replay under way: takes records one by one, so that no log need fit in memory. */
  public static final class Run {
    private final EvidenceFold fold;
    private final ThresholdRule rule;
    private final KayentaRule.Judge kayenta;
    private final List<ThresholdRule.Block> blocks = new ArrayList<>();
    private long againstSequence;
    private long againstUnixMs;
    private long provedSequence;
    private long provedUnixMs;

    /**
     * Nothing has been replayed.
     *
     * @param plan makes, of each spec in the log, the one to judge by; the same to judge as it was
     */
    public Run(UnaryOperator<EvaluationSpec> plan, ThresholdRule rule, KayentaRule kayenta) {
      this.fold = new EvidenceFold(plan);
      this.rule = rule;
      this.kayenta = kayenta.judge();
    }

    /**
     * Takes the next record.
     *
     * @throws IllegalArgumentException as {@link EvidenceFold#accept}
     */
    public void accept(EvidenceLogRecord record) {
      fold.accept(record);
      if (againstSequence == 0 && fold.against()) {
        againstSequence = record.getSequence();
        againstUnixMs = record.getUnixMs();
      }
      lookForProof(record);
      if (record.hasBlock()
          && RecordCheck.problem(record) == null
          && record.getBlock().getCellsList().stream().anyMatch(c -> c.getCanaryWeightBp() > 0)) {
        scrape(record.getBlock());
      }
    }

    private void lookForProof(EvidenceLogRecord record) {
      if (provedSequence == 0 && againstSequence == 0 && !record.hasSpec() && fold.proved()) {
        provedSequence = record.getSequence();
        provedUnixMs = record.getUnixMs();
      }
    }

    /** A second in which the challenger answered a share, as a scraper sees it. */
    private void scrape(JoinedBlock block) {
      boolean control =
          block.getCellsList().stream()
              .anyMatch(cell -> cell.getRole() == Role.CONTROL && cell.getAssigned() > 0);
      Scraped canary = new Scraped();
      Scraped baseline = new Scraped();
      Scraped controlAlone = new Scraped();
      for (Cell cell : block.getCellsList()) {
        switch (cell.getRole()) {
          case CANARY -> canary.add(cell);
          case CHAMPION -> baseline.add(cell);
          case CONTROL -> {
            baseline.add(cell);
            controlAlone.add(cell);
          }
          default -> {
            // Copies are not in a scraper's error rate.
          }
        }
      }
      blocks.add(
          new ThresholdRule.Block(
              block.getSecond(), canary.judged, canary.bad, baseline.judged, baseline.bad));
      kayenta.second(
          block.getSecond(), canary.side(), control ? controlAlone.side() : baseline.side());
    }

    /**
     * What came of it.
     *
     * @throws IllegalStateException when there was no record
     */
    public Replay result() {
      EvidenceReport report = fold.report();
      if (provedSequence == 0 && againstSequence == 0 && report.getOverall() == Result.PROVED) {
        provedSequence = report.getLogSequence();
        provedUnixMs = report.getAsOfUnixMs();
      }
      return new Replay(
          report,
          againstSequence,
          againstUnixMs,
          provedSequence,
          provedUnixMs,
          rule.decide(blocks),
          kayenta.decision());
    }
  }

  private static final class Scraped {
    private final SparseHistogram latency = new SparseHistogram();
    private long judged;
    private long bad;

    void add(Cell cell) {
      List<OutcomeCount> outcomes = cell.getOutcomesList();
      long badOnes = BlockView.bad(outcomes);
      judged += BlockView.ok(outcomes) + badOnes;
      bad += badOnes;
      BlockView.addTo(latency, cell.getLatency());
    }

    KayentaRule.Side side() {
      return new KayentaRule.Side(judged, bad, latency);
    }
  }
}
