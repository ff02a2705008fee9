package dev.understudy.evidence.fold;

import dev.understudy.evidence.words.Words;
import dev.understudy.proto.v1.ArmState;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;

/**
 * Hard stops beside the statistics: failures in a row, answers in a row that are not finite, and a
 * challenger that could not be asked for some seconds in a row. A row runs on over consecutive
 * records when a whole second was bad. A late second neither goes on with a row nor ends it. What
 * was said stays said until the next attempt.
 *
 * <p>While the challenger gets copies only, it is the copies' arm that must be there; from the
 * first second in which it answers customers, that arm alone.
 */
final class Guardrails {
  static final int DEFAULT_UNAVAILABLE_SECONDS = 5;

  /** So much of a second without an arm is a second without it: clocks of routers differ a bit. */
  private static final int WHOLE_SECOND_MS = 900;

  private final long limit;
  private final long unavailableLimit;
  private long failuresInARow;
  private long notFiniteInARow;
  private long unavailableInARow;
  private long lastUnavailable;
  private boolean canarySeen;
  private String sentence = "";

  /** Nothing has been said yet. 0 consecutive failures switch rows of failures off. */
  Guardrails(EvaluationSpec spec) {
    limit = Integer.toUnsignedLong(spec.getGuardConsecutiveFailures());
    long seconds = Integer.toUnsignedLong(spec.getGuardUnavailableSeconds());
    unavailableLimit = seconds == 0 ? DEFAULT_UNAVAILABLE_SECONDS : seconds;
  }

  void block(JoinedBlock block) {
    failures(block);
    if (!block.getLate()) {
      availability(block);
    }
  }

  private void failures(JoinedBlock block) {
    long ok = 0;
    long bad = 0;
    long longest = 0;
    for (Cell cell : block.getCellsList()) {
      if (cell.getRole() == Role.CANARY) {
        // At weight 0 only a header brings it requests: that is not answering customers.
        canarySeen |= cell.getCanaryWeightBp() > 0 && !BlockView.observesNothing(cell);
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

  private void availability(JoinedBlock block) {
    boolean away = false;
    boolean breaker = false;
    for (ArmState arm : block.getArmsList()) {
      canarySeen |= arm.getRole() == Role.CANARY;
    }
    Role role = canarySeen ? Role.CANARY : Role.SHADOW;
    for (ArmState arm : block.getArmsList()) {
      if (arm.getRole() == role) {
        long open = Integer.toUnsignedLong(arm.getBreakerOpenMs());
        long notReady = Integer.toUnsignedLong(arm.getNotReadyMs());
        away |= Math.max(open, notReady) >= WHOLE_SECOND_MS;
        breaker |= open > notReady;
      }
    }
    if (!away) {
      unavailableInARow = 0;
      return;
    }
    boolean goesOn = unavailableInARow > 0 && block.getSecond() == lastUnavailable + 1;
    unavailableInARow = goesOn ? unavailableInARow + 1 : 1;
    lastUnavailable = block.getSecond();
    if (unavailableInARow >= unavailableLimit) {
      say(Words.unavailable(breaker, unavailableInARow, unavailableLimit));
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
