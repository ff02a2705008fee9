package dev.understudy.chassis.security;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ApiKeysTest {
  @Test
  void tenThousandKeysLieApart() {
    Random random = new Random(7);
    StringBuilder file = new StringBuilder();
    byte[] hmac = new byte[32];
    for (int i = 0; i < 10_000; i++) {
      random.nextBytes(hmac);
      file.append("p").append(i).append(": ").append(HexFormat.of().formatHex(hmac)).append('\n');
    }
    file.append(ApiKeys.entry("alice", "key", "secret")).append('\n');
    ApiKeys keys = ApiKeys.parse("keys", file.toString(), "secret");
    assertEquals(10_001, keys.size());
    assertEquals("alice", keys.principalOf("key"));
    assertTrue(keys.longestRun() < 100, "longest run: " + keys.longestRun());
  }
}
