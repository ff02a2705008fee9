package dev.understudy.evidence.tally;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ChangedShareTest {
  @Test
  void noneAndAllAreToldExactlyAndStandForNothingElse() {
    assertEquals(0, ChangedShare.units(0, 1_000_000));
    assertEquals(1024, ChangedShare.units(1_000_000, 1_000_000));
    assertEquals(1, ChangedShare.units(1, 1_000_000));
    assertEquals(1023, ChangedShare.units(999_999, 1_000_000));
    for (int exact : new int[] {0, 1024}) {
      assertEquals(exact / 1024.0, ChangedShare.least(exact));
      assertEquals(exact / 1024.0, ChangedShare.most(exact));
    }
  }

  @Test
  void whatAGridValueStandsForHoldsTheShare() {
    for (int decided = 1; decided < 6_000; decided = 1 + decided * 5 / 4) {
      for (int changed = 0; changed <= decided; changed++) {
        double share = (double) changed / decided;
        int units = ChangedShare.units(changed, decided);
        assertTrue(
            ChangedShare.least(units) <= share && share <= ChangedShare.most(units),
            changed + " of " + decided + ": " + units);
        assertEquals(share, units / 1024.0, 1.0 / 1024);
      }
    }
  }
}
