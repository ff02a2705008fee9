package dev.understudy.router.auth;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.router.call.Grant;
import dev.understudy.router.call.Principal;
import org.junit.jupiter.api.Test;

class VerifiedTokensTest {
  private static final TokenKeys KEYS = TokenKeys.parse("keys", Jwts.jwks(Jwts.ec("e1")));
  private static final Principal ANN = new Principal("ann", Grant.NOTHING);

  private final VerifiedTokens cache = new VerifiedTokens(64);

  @Test
  void aTokenIsKnownUntilItExpires() {
    cache.add("Bearer token-1", 7, 14, ANN, 1_000, KEYS);
    assertSame(ANN, cache.find("token-1", 0, 7, KEYS, 999));
    assertNull(cache.find("token-1", 0, 7, KEYS, 1_000));
    assertNull(cache.find("token-2", 0, 7, KEYS, 999));
    assertNull(cache.find("token-1 ", 0, 8, KEYS, 999));
  }

  @Test
  void newKeysForgetWhatOldOnesVerified() {
    cache.add("token-1", 0, 7, ANN, 1_000, KEYS);
    TokenKeys others = TokenKeys.parse("keys", Jwts.jwks(Jwts.ec("e2")));
    assertNull(cache.find("token-1", 0, 7, others, 0));
    cache.add("token-1", 0, 7, ANN, 1_000, others);
    assertSame(ANN, cache.find("token-1", 0, 7, others, 0));
  }

  @Test
  void itHoldsNoMoreThanItsCapacityAndKeepsTheNewest() {
    for (int i = 0; i < 10_000; i++) {
      String token = "token-" + i;
      cache.add(token, 0, token.length(), ANN, 1_000 + i, KEYS);
      assertSame(ANN, cache.find(token, 0, token.length(), KEYS, 0));
    }
    int known = 0;
    for (int i = 0; i < 10_000; i++) {
      String token = "token-" + i;
      known += cache.find(token, 0, token.length(), KEYS, 0) == null ? 0 : 1;
    }
    assertTrue(known <= 64 && known > 48, "known: " + known);
  }

  @Test
  void capacitiesArePowersOfTwo() {
    assertEquals(
        "capacity: 48 (expected: a power of two, at least 4)",
        assertThrows(IllegalArgumentException.class, () -> new VerifiedTokens(48)).getMessage());
  }
}
