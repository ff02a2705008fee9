package dev.understudy.evidence.fold;

import dev.understudy.evidence.words.Words;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;

/**
 * Hard stops beside the statistics: failures in a row, and answers in a row that are not finite. A
 * row runs on over consecutive records when a whole second was bad. What was said stays said until
 * the next attempt.
 */
final class Guardrails {
  private final long limit;
  private long failuresInARow;
  private long notFiniteInARow;
  private String sentence = "";

  /**
   * @param limit rows of this length stop the rollout; 0 switches the guardrails off
   */
  Guardrails(long limit) {
    this.limit = limit;
  }

  void block(JoinedBlock block) {
    long ok = 0;
    long bad = 0;
    long longest = 0;
    for (Cell cell : block.getCellsList()) {
      if (cell.getRole() == Role.CANARY) {
        ok += BlockView.ok(cell.getOutcomesList());
        bad += BlockView.bad(cell.getOutcomesList());
        longest = Math.max(longest, Integer.toUnsignedLong(cell.getLongestBadRun()));
      }
    }
    if (!block.getLate()) {
      if (ok > 0) {
        failuresInARow = 0;
      } else {
        failuresInARow += bad;
      }
    }
    longest = Math.max(longest, failuresInARow);
    if (limit > 0 && longest >= limit) {
      say(Words.failuresInARow(longest, limit));
    }
  }

  void pairs(PairTally tally) {
    if (tally.getRole() != Role.SHADOW || tally.getPairs() == 0) {
      return;
    }
    notFiniteInARow =
        tally.getNotFinite() == tally.getPairs() ? notFiniteInARow + tally.getPairs() : 0;
    if (limit > 0 && notFiniteInARow >= limit) {
      say(Words.notFiniteInARow(notFiniteInARow, limit));
    }
  }

  /** The sentence of the guardrail that spoke first; empty when none has. */
  String sentence() {
    return sentence;
  }

  private void say(String words) {
    if (sentence.isEmpty()) {
      sentence = words;
    }
  }
}
