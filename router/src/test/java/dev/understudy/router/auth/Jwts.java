package dev.understudy.router.auth;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import dev.understudy.router.config.AuthConfig;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** An issuer of tokens. */
public final class Jwts {
  /** The issuer's name. */
  public static final String ISSUER = "https://issuer.example";

  /** Whom its tokens are for. */
  public static final String AUDIENCE = "understudy";

  private Jwts() {}

  /** A fresh RSA key. */
  public static RSAKey rsa(String id) {
    try {
      return new RSAKeyGenerator(2048).keyID(id).keyUse(KeyUse.SIGNATURE).generate();
    } catch (JOSEException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A fresh key on P-256. */
  public static ECKey ec(String id) {
    try {
      return new ECKeyGenerator(Curve.P_256).keyID(id).generate();
    } catch (JOSEException e) {
      throw new IllegalStateException(e);
    }
  }

  /** What an issuer publishes. */
  public static String jwks(JWK... keys) {
    return new JWKSet(Arrays.asList(keys)).toPublicJWKSet().toString();
  }

  /** Settings with this issuer and no claims for roles and models. */
  static AuthConfig.Jwt settings(@Nullable String roles, @Nullable String models) {
    return new AuthConfig.Jwt(
        null,
        null,
        ISSUER,
        Set.of(AUDIENCE, "other"),
        Set.of("RS256", "PS256", "ES256"),
        Duration.ofSeconds(30),
        Duration.ofMinutes(5),
        Duration.ofDays(1),
        "sub",
        roles,
        models);
  }

  /** Claims of ann that hold for an hour. */
  @SuppressWarnings("JavaUtilDate") // the library's type
  public static JWTClaimsSet claims(long nowMillis, UnaryOperator<JWTClaimsSet.Builder> change) {
    return change
        .apply(
            new JWTClaimsSet.Builder()
                .subject("ann")
                .issuer(ISSUER)
                .audience(List.of("x", AUDIENCE))
                .expirationTime(Date.from(Instant.ofEpochMilli(nowMillis).plusSeconds(3600))))
        .build();
  }

  /** Signs claims as the issuer would. */
  public static String signed(JWK key, JWTClaimsSet claims) {
    JWSAlgorithm algorithm = key instanceof RSAKey ? JWSAlgorithm.RS256 : JWSAlgorithm.ES256;
    return signed(key, new JWSHeader.Builder(algorithm).keyID(key.getKeyID()).build(), claims);
  }

  /** Signs claims under any header. */
  static String signed(JWK key, JWSHeader header, JWTClaimsSet claims) {
    try {
      JWSSigner signer =
          key instanceof RSAKey rsa ? new RSASSASigner(rsa) : new ECDSASigner(key.toECKey());
      SignedJWT jwt = new SignedJWT(header, claims);
      jwt.sign(signer);
      return jwt.serialize();
    } catch (JOSEException e) {
      throw new IllegalStateException(e);
    }
  }
}
