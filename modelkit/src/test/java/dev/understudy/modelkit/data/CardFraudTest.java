package dev.understudy.modelkit.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.modelkit.data.Column.Kind;
import java.util.HashSet;
import org.junit.jupiter.api.Test;

class CardFraudTest {
  private static final int CATEGORY = CardFraud.index("merchant_category");

  @Test
  void valuesKeepWhatTheColumnsPromise() {
    Table table = CardFraud.table(1, 20_000);
    assertEquals(CardFraud.columns().size(), table.width());
    for (int j = 0; j < table.width(); j++) {
      Column column = CardFraud.columns().get(j);
      boolean missing = false;
      var distinct = new HashSet<Float>();
      for (float value : table.column(j)) {
        missing |= Float.isNaN(value);
        distinct.add(value);
        assertTrue(
            Float.isNaN(value) || (value >= column.min() && value <= column.max()),
            () -> value + " in " + column);
      }
      assertEquals(column.optional(), missing, column.name());
      assertTrue(distinct.size() > 1, column.name());
      if (column.kind() == Kind.CATEGORY) {
        assertEquals(column.max() + 1, distinct.size());
      }
    }
  }

  @Test
  void aFewPerCentAreFraud() {
    double share = CardFraud.table(2, 50_000).positiveShare();
    assertTrue(share > .03 && share < .05, () -> "share " + share);
  }

  @Test
  void theSeedDecidesEverything() {
    var one = CardFraud.stream(5);
    var same = CardFraud.stream(5);
    var other = CardFraud.stream(6);
    int different = 0;
    for (int i = 0; i < 100; i++) {
      var expected = one.next();
      var actual = same.next();
      assertArrayEquals(expected.features(), actual.features());
      assertEquals(expected.fraud(), actual.fraud());
      assertEquals(expected.outcomeDelayDays(), actual.outcomeDelayDays());
      different += other.next().features()[0] == expected.features()[0] ? 0 : 1;
    }
    assertTrue(different > 90, "other seed, other cases");
  }

  @Test
  void newCategoriesComeInTheirShareAndOnlyWhenAsked() {
    var live = CardFraud.stream(7, .1);
    var training = CardFraud.stream(7);
    var seen = new HashSet<Float>();
    int fresh = 0;
    for (int i = 0; i < 20_000; i++) {
      float category = live.next().features()[CATEGORY];
      if (category >= CardFraud.KNOWN_CATEGORIES) {
        fresh++;
        seen.add(category);
      }
      assertTrue(training.next().features()[CATEGORY] < CardFraud.KNOWN_CATEGORIES);
    }
    assertEquals(.1, fresh / 20_000.0, .01);
    assertEquals(CardFraud.NEW_CATEGORIES, seen.size());
  }

  @Test
  void paymentsOfKnownCategoriesDoNotDependOnTheShareOfNewOnes() {
    var calm = CardFraud.stream(9);
    var changing = CardFraud.stream(9);
    for (int i = 0; i < 2_000; i++) {
      var expected = calm.next();
      var actual = changing.next(i < 1_000 ? 0 : .5);
      assertEquals(expected.fraud(), actual.fraud());
      if (actual.features()[CATEGORY] < CardFraud.KNOWN_CATEGORIES) {
        assertArrayEquals(expected.features(), actual.features());
      } else {
        assertTrue(i >= 1_000, "before the change");
      }
    }
  }

  @Test
  void everyOutcomeIsKnownWithinTwelveDaysWhateverItIs() {
    var stream = CardFraud.stream(8);
    double[] delays = new double[2];
    int[] cases = new int[2];
    for (int i = 0; i < 50_000; i++) {
      var next = stream.next();
      int days = next.outcomeDelayDays();
      assertTrue(days >= 1 && days <= 12, () -> days + " days");
      delays[next.fraud() ? 1 : 0] += days;
      cases[next.fraud() ? 1 : 0]++;
    }
    assertEquals(delays[0] / cases[0], delays[1] / cases[1], .25);
  }

  @Test
  void badArgumentsAreNamed() {
    assertThrows(IllegalArgumentException.class, () -> CardFraud.stream(1, 1.5));
    assertThrows(IllegalArgumentException.class, () -> CardFraud.stream(1, Double.NaN));
    assertThrows(IllegalArgumentException.class, () -> CardFraud.stream(1).next(-.1));
    assertThrows(IllegalArgumentException.class, () -> CardFraud.index("no_such_column"));
  }
}
