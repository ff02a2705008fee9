package dev.understudy.router.stack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.router.stack.Race.Then;
import java.util.List;
import org.junit.jupiter.api.Test;

class RaceTest {
  private static boolean answers(Then then) {
    return then == Then.ANSWER || then == Then.ANSWER_EARLY || then == Then.ANSWER_FIRST;
  }

  /** Every order of the three events, with every end of both attempts. */
  @Test
  void whateverHappensTheClientIsAnsweredOnce() {
    for (boolean firstGood : List.of(true, false)) {
      for (boolean secondGood : List.of(true, false)) {
        for (List<String> order :
            List.of(
                List.of("begin", "first", "second"),
                List.of("begin", "second", "first"),
                List.of("first", "begin", "second"))) {
          Race race = new Race();
          int answers = 0;
          boolean begun = false;
          for (String event : order) {
            Then then =
                switch (event) {
                  case "begin" -> {
                    begun = race.secondBegins();
                    yield Then.WAIT;
                  }
                  case "first" -> race.firstEnded(firstGood);
                  default -> begun ? race.secondEnded(secondGood) : Then.WAIT;
                };
            // Alone means that the call goes on as if there were no race: it answers by itself.
            answers += answers(then) || then == Then.ALONE ? 1 : 0;
          }
          assertEquals(1, answers, order + " " + firstGood + " " + secondGood);
        }
      }
    }
  }

  @Test
  void aSecondNeverBeginsAfterTheFirstHasEnded() {
    Race race = new Race();
    assertTrue(race.isFirstRunning());
    assertEquals(Then.ALONE, race.firstEnded(false));
    assertFalse(race.secondBegins());
  }

  @Test
  void theSecondsAnswerSaysWhetherTheFirstIsStillUnderWay() {
    Race early = new Race();
    assertTrue(early.secondBegins());
    assertEquals(Then.ANSWER_EARLY, early.secondEnded(true));
    assertTrue(early.isAnswered());
    assertEquals(Then.TOO_LATE, early.firstEnded(true));
    Race late = new Race();
    assertTrue(late.secondBegins());
    assertEquals(Then.WAIT, late.firstEnded(false));
    assertEquals(Then.ANSWER, late.secondEnded(true));
  }

  @Test
  void whereBothFailTheFirstOnesEndIsTold() {
    Race race = new Race();
    assertTrue(race.secondBegins());
    assertEquals(Then.WAIT, race.secondEnded(false));
    assertEquals(Then.ANSWER_FIRST, race.firstEnded(false));
  }

  @Test
  void threadsAgreeOnOneAnswer() throws Exception {
    for (int round = 0; round < 500; round++) {
      Race race = new Race();
      assertTrue(race.secondBegins());
      boolean firstGood = round % 2 == 0;
      Then[] thens = new Then[2];
      Thread first = Thread.ofPlatform().start(() -> thens[0] = race.firstEnded(firstGood));
      Thread second = Thread.ofPlatform().start(() -> thens[1] = race.secondEnded(true));
      first.join();
      second.join();
      assertTrue(answers(thens[0]) ^ answers(thens[1]), thens[0] + " " + thens[1]);
    }
  }
}
