package dev.understudy.evidence.fold;

import dev.understudy.evidence.rule.ThresholdRule;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.Result;
import java.util.ArrayList;
import java.util.List;

/**
 * Folds a finished log once more, and asks what a plain threshold rule would have decided on the
 * same seconds.
 *
 * @param report what the log amounts to
 * @param firstAgainstSequence number of the first record after which the evidence stopped the
 *     rollout; 0 when it never did
 * @param firstAgainstUnixMs time of that record; 0 when it never did
 * @param rule what the rule would have done
 */
public record Replay(
    EvidenceReport report,
    long firstAgainstSequence,
    long firstAgainstUnixMs,
    ThresholdRule.Decision rule) {

  /**
   * Replays records in sequence.
   *
   * @param records one evidence log from its first record
   * @throws IllegalArgumentException as {@link EvidenceFold#accept}
   * @throws IllegalStateException when there is no record
   */
  public static Replay of(List<EvidenceLogRecord> records, ThresholdRule rule) {
    EvidenceFold fold = new EvidenceFold();
    long sequence = 0;
    long unixMs = 0;
    for (EvidenceLogRecord record : records) {
      fold.accept(record);
      if (sequence == 0 && fold.against()) {
        sequence = record.getSequence();
        unixMs = record.getUnixMs();
      }
    }
    return new Replay(fold.report(), sequence, unixMs, rule.decide(blocks(records)));
  }

  /** Whether the evidence stopped the rollout in the end. */
  public boolean stopped() {
    return report.getOverall() == Result.AGAINST;
  }

  /** The seconds of a log in which the challenger answered a share, as a scraper would see them. */
  static List<ThresholdRule.Block> blocks(List<EvidenceLogRecord> records) {
    List<ThresholdRule.Block> blocks = new ArrayList<>();
    for (EvidenceLogRecord record : records) {
      if (record.hasBlock()
          && record.getBlock().getCellsList().stream().anyMatch(c -> c.getCanaryWeightBp() > 0)) {
        blocks.add(block(record.getBlock()));
      }
    }
    return blocks;
  }

  private static ThresholdRule.Block block(JoinedBlock block) {
    long canary = 0;
    long canaryBad = 0;
    long baseline = 0;
    long baselineBad = 0;
    for (Cell cell : block.getCellsList()) {
      List<OutcomeCount> outcomes = cell.getOutcomesList();
      long bad = BlockView.bad(outcomes);
      long judged = BlockView.ok(outcomes) + bad;
      switch (cell.getRole()) {
        case CANARY -> {
          canary += judged;
          canaryBad += bad;
        }
        case CHAMPION, CONTROL -> {
          baseline += judged;
          baselineBad += bad;
        }
        default -> {
          // Copies are not in a scraper's error rate.
        }
      }
    }
    return new ThresholdRule.Block(block.getSecond(), canary, canaryBad, baseline, baselineBad);
  }
}
