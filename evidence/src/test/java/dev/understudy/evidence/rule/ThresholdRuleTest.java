package dev.understudy.evidence.rule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.evidence.rule.ThresholdRule.Block;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ThresholdRuleTest {
  @Test
  void harmlessRolloutsAreMostlyStopped() {
    double strict = new ThresholdRule(1.5, 500, 0).falseStops(.02, .1, 10_000, 2000, 1);
    double lenient = new ThresholdRule(1.5, 500, 2).falseStops(.02, .1, 10_000, 2000, 1);
    System.out.println("threshold rule, false stops: limit 0 " + strict + ", limit 2 " + lenient);
    assertEquals(.998, strict, .01);
    assertEquals(.96, lenient, .03);
  }

  @Test
  void itStopsAtTheWindowThatFailsOnceTooOften() {
    List<Block> blocks = new ArrayList<>();
    for (int second = 0; second < 10; second++) {
      blocks.add(new Block(second, 50, second >= 4 ? 5 : 0, 200, 2));
    }
    ThresholdRule.Decision decision = new ThresholdRule(1.5, 500, 1).decide(blocks);
    assertEquals(new ThresholdRule.Decision(true, 7, 2000, 4, 2), decision);
    assertFalse(new ThresholdRule(1.5, 500, 3).decide(blocks).stopped());
  }

  @Test
  void errorFreeArmsPassAndOneErrorAgainstNoneFails() {
    ThresholdRule rule = new ThresholdRule(1.5, 100, 0);
    assertFalse(rule.decide(List.of(new Block(1, 50, 0, 50, 0))).stopped());
    assertTrue(rule.decide(List.of(new Block(1, 50, 1, 50, 0))).stopped());
    assertFalse(rule.decide(List.of(new Block(1, 100, 100, 0, 0))).stopped());
    assertEquals(-1, rule.decide(List.of()).second());
  }

  @Test
  void badInputIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> new ThresholdRule(Double.NaN, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> new ThresholdRule(1, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> new ThresholdRule(1, 1, -1));
    assertThrows(IllegalArgumentException.class, () -> new Block(0, 1, 2, 0, 0));
    assertThrows(
        IllegalArgumentException.class,
        () -> new ThresholdRule(1, 1, 0).falseStops(.1, .1, 0, 1, 1));
  }
}
