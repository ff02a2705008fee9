package dev.understudy.router.auth;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.OctetSequenceKey;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import com.nimbusds.jwt.SignedJWT;
import dev.understudy.chassis.config.ConfigException;
import dev.understudy.router.call.CallerRole;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What makes a token good, and each way in which it is not. */
@SuppressWarnings("JavaUtilDate") // the library's type
class TokenVerifierTest {
  private static final long NOW = 1_800_000_000_000L;
  private static final RSAKey RSA = Jwts.rsa("r1");
  private static final ECKey EC = Jwts.ec("e1");

  private final TokenVerifier verifier = new TokenVerifier(Jwts.settings(null, null));
  private final TokenKeys keys = TokenKeys.parse("keys", Jwts.jwks(RSA, EC));

  private static Date at(long millis) {
    return Date.from(Instant.ofEpochMilli(millis));
  }

  private TokenVerifier.Verdict verify(String token) {
    return verifier.verify(token, keys, NOW);
  }

  private void assertBad(AuthRefusal reason, String token) {
    assertEquals(new TokenVerifier.Bad(reason), verify(token));
  }

  private static String token(UnaryOperator<JWTClaimsSet.Builder> change) {
    return Jwts.signed(RSA, Jwts.claims(NOW, change));
  }

  private static String headed(UnaryOperator<JWSHeader.Builder> change) {
    JWSHeader.Builder header = new JWSHeader.Builder(JWSAlgorithm.RS256).keyID("r1");
    return Jwts.signed(RSA, change.apply(header).build(), Jwts.claims(NOW, claims -> claims));
  }

  @Test
  void goodTokensOfBothKindsOfKeys() {
    TokenVerifier.Good good =
        assertInstanceOf(TokenVerifier.Good.class, verify(token(claims -> claims)));
    assertEquals("ann", good.principal());
    assertEquals(NOW + 3_600_000 + 30_000, good.untilMillis());
    assertNull(good.roles());
    assertNull(good.models());
    assertInstanceOf(
        TokenVerifier.Good.class, verify(Jwts.signed(EC, Jwts.claims(NOW, claims -> claims))));
    String pss =
        Jwts.signed(
            RSA,
            new JWSHeader.Builder(JWSAlgorithm.PS256).keyID("r1").build(),
            Jwts.claims(NOW, claims -> claims));
    assertInstanceOf(TokenVerifier.Good.class, verify(pss));
    assertInstanceOf(
        TokenVerifier.Good.class, verify(headed(h -> h.type(new JOSEObjectType("at+jwt")))));
  }

  @Test
  void withoutAKeyIdOnlyTheOneKeyThatFits() {
    assertInstanceOf(TokenVerifier.Good.class, verify(headed(header -> header.keyID(null))));
    TokenKeys two =
        TokenKeys.parse("keys", Jwts.jwks(RSA, new RSAKey.Builder(RSA).keyID("r2").build()));
    assertEquals(
        new TokenVerifier.Bad(AuthRefusal.TOKEN_SIGNER),
        verifier.verify(headed(header -> header.keyID(null)), two, NOW));
  }

  @Test
  void anUnsignedTokenIsNone() {
    assertBad(
        AuthRefusal.TOKEN_MALFORMED, new PlainJWT(Jwts.claims(NOW, claims -> claims)).serialize());
  }

  @Test
  void thePublicKeyIsNoSecret() throws Exception {
    // Algorithm confusion: the attacker takes what everybody can read for an HMAC's secret.
    for (byte[] secret :
        List.of(
            RSA.toRSAPublicKey().getEncoded(),
            RSA.toPublicJWK().toJSONString().getBytes(java.nio.charset.StandardCharsets.UTF_8))) {
      SignedJWT forged =
          new SignedJWT(
              new JWSHeader.Builder(JWSAlgorithm.HS256).keyID("r1").build(),
              Jwts.claims(NOW, claims -> claims));
      forged.sign(new MACSigner(secret));
      assertBad(AuthRefusal.TOKEN_ALGORITHM, forged.serialize());
    }
  }

  @Test
  void aKeyVerifiesItsOwnAlgorithmsAlone() {
    String rs512 =
        Jwts.signed(
            RSA,
            new JWSHeader.Builder(JWSAlgorithm.RS512).keyID("r1").build(),
            Jwts.claims(NOW, claims -> claims));
    assertBad(AuthRefusal.TOKEN_ALGORITHM, rs512);
    String crossed =
        Jwts.signed(
            RSA,
            new JWSHeader.Builder(JWSAlgorithm.RS256).keyID("e1").build(),
            Jwts.claims(NOW, claims -> claims));
    assertBad(AuthRefusal.TOKEN_SIGNER, crossed);
    TokenKeys pssOnly =
        TokenKeys.parse(
            "keys", Jwts.jwks(new RSAKey.Builder(RSA).algorithm(JWSAlgorithm.PS256).build()));
    assertEquals(
        new TokenVerifier.Bad(AuthRefusal.TOKEN_SIGNER),
        verifier.verify(token(claims -> claims), pssOnly, NOW));
  }

  @Test
  void aKeyThatTheTokenBringsIsNotBelieved() {
    ECKey own = Jwts.ec("e1");
    String brought =
        Jwts.signed(
            own,
            new JWSHeader.Builder(JWSAlgorithm.ES256).keyID("e1").jwk(own.toPublicJWK()).build(),
            Jwts.claims(NOW, claims -> claims));
    assertBad(AuthRefusal.TOKEN_SIGNATURE, brought);
    assertBad(
        AuthRefusal.TOKEN_SIGNER, Jwts.signed(Jwts.ec("e9"), Jwts.claims(NOW, claims -> claims)));
  }

  @Test
  void aChangedTokenIsNotTheSignedOne() {
    String good = token(claims -> claims);
    String other = token(claims -> claims.subject("eve"));
    int dot = good.lastIndexOf('.');
    assertBad(
        AuthRefusal.TOKEN_SIGNATURE,
        other.substring(0, other.lastIndexOf('.')) + good.substring(dot));
    assertBad(
        AuthRefusal.TOKEN_SIGNATURE,
        headed(header -> header.customParam("x", 1).criticalParams(Set.of("x"))));
  }

  @Test
  void timesHoldWithinTheSkew() {
    assertBad(AuthRefusal.TOKEN_EXPIRED, token(claims -> claims.expirationTime(at(NOW - 30_000))));
    assertInstanceOf(
        TokenVerifier.Good.class, verify(token(claims -> claims.expirationTime(at(NOW - 29_000)))));
    assertBad(AuthRefusal.TOKEN_EXPIRED, token(claims -> claims.expirationTime(null)));
    assertBad(AuthRefusal.TOKEN_NOT_YET, token(claims -> claims.notBeforeTime(at(NOW + 31_000))));
    assertInstanceOf(
        TokenVerifier.Good.class, verify(token(claims -> claims.notBeforeTime(at(NOW + 30_000)))));
  }

  @Test
  void issuerAudienceAndPrincipalMustBeThere() {
    assertBad(AuthRefusal.TOKEN_ISSUER, token(claims -> claims.issuer("https://other.example")));
    assertBad(AuthRefusal.TOKEN_ISSUER, token(claims -> claims.issuer(null)));
    assertBad(AuthRefusal.TOKEN_AUDIENCE, token(claims -> claims.audience("somebody")));
    assertBad(AuthRefusal.TOKEN_AUDIENCE, token(claims -> claims.audience((List<String>) null)));
    for (@Nullable String name : new @Nullable String[] {null, "", " ", "J\u00f6rg", "a\nb"}) {
      assertBad(AuthRefusal.TOKEN_PRINCIPAL, token(claims -> claims.subject(name)));
    }
    assertBad(AuthRefusal.TOKEN_PRINCIPAL, token(claims -> claims.subject("x".repeat(257))));
  }

  @Test
  void rolesAndModelsComeAsListsWordsOrFromWithin() {
    TokenVerifier claiming =
        new TokenVerifier(Jwts.settings("realm_access.roles", "https://issuer.example/models"));
    String nested =
        token(claims ->
            claims
                .claim("realm_access", Map.of("roles", List.of("infer", "offline_access", 7)))
                .claim("https://issuer.example/models", "fraud-* churn"));
    TokenVerifier.Good good =
        assertInstanceOf(TokenVerifier.Good.class, claiming.verify(nested, keys, NOW));
    assertEquals(Set.of(CallerRole.INFER), good.roles());
    assertNotNull(good.models());
    assertTrue(good.models().contains("fraud-eu"));
    assertTrue(good.models().contains("churn"));
    assertTrue(!good.models().contains("prices"));
    TokenVerifier.Good bare =
        assertInstanceOf(
            TokenVerifier.Good.class, claiming.verify(token(claims -> claims), keys, NOW));
    assertEquals(Set.of(), bare.roles());
    assertNotNull(bare.models());
    assertTrue(!bare.models().contains(""));
  }

  @Test
  void whatIsNoTokenIsRefused() {
    for (String text :
        List.of("", ".", "..", "a.b.c", "eyJhbGciOiJSUzI1NiJ9..", "x".repeat(9_000))) {
      assertBad(AuthRefusal.TOKEN_MALFORMED, text);
    }
    assertBad(AuthRefusal.TOKEN_MALFORMED, headed(h -> h.type(new JOSEObjectType("logout+jwt"))));
  }

  @Test
  void onlyKeysThatVerifyAreTaken() throws Exception {
    OctetSequenceKey secret = new OctetSequenceKey.Builder(new byte[32]).keyID("s").build();
    RSAKey forEncryption =
        new RSAKey.Builder(RSA.toRSAPublicKey()).keyUse(KeyUse.ENCRYPTION).build();
    String mixed =
        "{\"keys\":["
            + secret.toJSONString()
            + ","
            + forEncryption.toJSONString()
            + ","
            + EC.toPublicJWK().toJSONString()
            + "]}";
    assertEquals(1, TokenKeys.parse("keys", mixed).size());
    String useless = "{\"keys\":[" + secret.toJSONString() + "]}";
    for (String text : List.of("", "{}", "[]", "{\"keys\":7}", "nonsense", useless)) {
      String said =
          assertThrows(ConfigException.class, () -> TokenKeys.parse("keys", text))
              .problems()
              .getFirst();
      assertTrue(said.startsWith("keys: "), said);
    }
  }
}
