package dev.understudy.chassis.security;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.understudy.chassis.config.ConfigException;

/** Whatever a file of keys holds, and whatever key is presented, nobody gets in by accident. */
class ApiKeysFuzzTest {
  private static final String SECRET = "0123456789abcdef";

  @FuzzTest(maxDuration = "60s")
  void anyFileIsReadOrRefusedAndAnyKeyIsSomebodysOrNobodys(FuzzedDataProvider data) {
    String presented = data.consumeString(600);
    String text = data.consumeRemainingAsString();
    try {
      ApiKeys keys = ApiKeys.parse("keys", text, SECRET);
      String found = keys.principalOf(presented);
      // A file that has this key's entry was written by one who has the secret.
      if (found != null && !text.contains(found)) {
        throw new AssertionError("a principal that the file does not name");
      }
      if (keys.principals().size() > keys.size()) {
        throw new AssertionError("more principals than keys");
      }
    } catch (ConfigException refused) {
      if (refused.problems().stream().anyMatch(problem -> !problem.startsWith("keys:"))) {
        throw new AssertionError("a problem without its place", refused);
      }
    }
  }
}
