package dev.understudy.router.call;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class ModelScopeTest {
  private static boolean in(String model, String... entries) {
    return ModelScope.of(List.of(entries)).contains(model);
  }

  @Test
  void namesAreExactAndStarsStandForAnyText() {
    assertTrue(in("fraud", "churn", "fraud"));
    assertFalse(in("fraud-2", "fraud"));
    assertTrue(in("fraud-", "fraud-*"));
    assertTrue(in("fraud-eu-2", "fraud-*"));
    assertTrue(in("fraud-eu-2", "*-eu-*"));
    assertFalse(in("fraud-us-2", "*-eu-*"));
    assertTrue(in("anything", "*"));
    assertTrue(in("", "*"));
    assertFalse(in("", "a*"));
    assertFalse(in("Fraud", "fraud*"));
    assertFalse(in("fraud.x", "fraud?x"));
    assertTrue(in("a*b", "a*b"));
  }

  @Test
  void anEmptyScopeHasNoModel() {
    assertFalse(ModelScope.NONE.contains("fraud"));
    assertFalse(ModelScope.of(List.of()).contains(""));
    assertTrue(ModelScope.ALL.contains("fraud"));
  }

  @Test
  void patternsMeanWhatTheSameRegularExpressionMeans() {
    Random random = new Random(7);
    for (int i = 0; i < 20_000; i++) {
      String pattern = text(random, "ab*", 8);
      String model = text(random, "ab*", 8);
      Pattern same =
          Pattern.compile(
              pattern
                  .replace("*", "\u0000")
                  .replaceAll("([ab]+)", "\\\\Q$1\\\\E")
                  .replace("\u0000", ".*"));
      assertEquals(
          same.matcher(model).matches(), in(model, pattern), () -> pattern + " on " + model);
    }
  }

  @Test
  void manyStarsDoNotMakeItSlow() {
    assertFalse(in("a".repeat(10_000), "*a".repeat(50) + "b"));
  }

  private static String text(Random random, String letters, int most) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(most); i > 0; i--) {
      text.append(letters.charAt(random.nextInt(letters.length())));
    }
    return text.toString();
  }

  @Test
  void whatIsTooLongForANameBelongsToNothing() {
    assertTrue(in("a" + "x".repeat(255), "a*"));
    assertFalse(in("a" + "x".repeat(256), "a*"));
    assertFalse(in("a".repeat(64 << 20), "*a*a*a*b"));
  }
}
