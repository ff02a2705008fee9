package dev.understudy.chassis.security;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.understudy.chassis.config.ConfigException;

/** Whatever a file of keys holds and a caller presents, only who has the key is let in. */
class ApiKeysFuzzTest {
  private static final String SECRET = "a-secret-of-the-service";
  private static final String OURS = ApiKeys.entry("alice", "her-key", SECRET);

  @FuzzTest(maxDuration = "60s")
  void anyFileIsReadOrRefusedAndNoForeignKeyIsKnown(FuzzedDataProvider data) {
    String presented = data.consumeString(600);
    String file = data.consumeRemainingAsString();
    try {
      ApiKeys keys = ApiKeys.parse("keys", OURS + "\n" + file, SECRET);
      assertTrue(keys.size() >= 1, "keys: " + keys.size());
      assertEquals("alice", keys.principalOf("her-key"));
      // Nobody can write a line that lets a key in without the secret.
      assertEquals(presented.equals("her-key") ? "alice" : null, keys.principalOf(presented));
    } catch (ConfigException refused) {
      assertFalse(refused.problems().isEmpty(), "problems");
      assertTrue(
          refused.problems().stream().allMatch(problem -> problem.startsWith("keys:")),
          () -> "each names its line: " + refused.problems());
    }
  }
}
