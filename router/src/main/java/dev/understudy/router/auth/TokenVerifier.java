package dev.understudy.router.auth;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSVerifier;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import dev.understudy.router.call.CallerRole;
import dev.understudy.router.call.ModelScope;
import dev.understudy.router.call.Principal;
import dev.understudy.router.config.AuthConfig;
import java.text.ParseException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Says whether a JSON Web Token (RFC 7519) is good, and what it claims, by the rules of RFC 8725:
 * algorithms are those of a list, all asymmetric, and belong to the key; the issuer and an audience
 * are always checked, an expiry is always demanded.
 *
 * <p>Expiry is looked at before the signature, because an honest client with an old token must not
 * cost more than it has to; nothing is believed before the signature is verified.
 *
 * <p>Pure; any thread. Takes about as long as the signature: tens of microseconds for RSA.
 */
final class TokenVerifier {
  /** The longest token: {@value} characters. */
  static final int MAX_CHARACTERS = 8 << 10;

  private static final int MAX_ENTRIES = 256;

  /** What is known of a token. */
  sealed interface Verdict {}

  /**
   * A good token.
   *
   * @param principal its name
   * @param roles that the token claims; null when claims give no roles
   * @param models that the token claims; null when claims give no models
   * @param untilMillis when it is good no more, skew included
   */
  record Good(
      String principal,
      @Nullable Set<CallerRole> roles,
      @Nullable ModelScope models,
      long untilMillis)
      implements Verdict {}

  /** A token that is not good. */
  record Bad(AuthRefusal reason) implements Verdict {}

  private final AuthConfig.Jwt settings;
  private final Set<JWSAlgorithm> algorithms = new HashSet<>();
  private final long skewMillis;

  TokenVerifier(AuthConfig.Jwt settings) {
    this.settings = settings;
    this.skewMillis = settings.skew().toMillis();
    settings.algorithms().forEach(name -> algorithms.add(JWSAlgorithm.parse(name)));
  }

  /**
   * Looks at a token.
   *
   * @param nowMillis wall clock
   */
  Verdict verify(String token, TokenKeys keys, long nowMillis) {
    SignedJWT jwt;
    JWTClaimsSet claims;
    try {
      if (token.length() > MAX_CHARACTERS) {
        return new Bad(AuthRefusal.TOKEN_MALFORMED);
      }
      jwt = SignedJWT.parse(token);
      claims = jwt.getJWTClaimsSet();
    } catch (ParseException | RuntimeException e) {
      // These are a stranger's bytes in a library's hands; whatever it says, they are no token.
      return new Bad(AuthRefusal.TOKEN_MALFORMED);
    }
    JWSHeader header = jwt.getHeader();
    if (claims == null || !isPlainJwt(header.getType())) {
      return new Bad(AuthRefusal.TOKEN_MALFORMED);
    }
    if (!algorithms.contains(header.getAlgorithm())) {
      return new Bad(AuthRefusal.TOKEN_ALGORITHM);
    }
    long until = untilMillis(claims);
    if (nowMillis >= until) {
      return new Bad(AuthRefusal.TOKEN_EXPIRED);
    }
    JWSVerifier verifier = keys.verifier(header.getKeyID(), header.getAlgorithm());
    if (verifier == null) {
      return new Bad(AuthRefusal.TOKEN_SIGNER);
    }
    try {
      if (!jwt.verify(verifier)) {
        return new Bad(AuthRefusal.TOKEN_SIGNATURE);
      }
    } catch (JOSEException | RuntimeException e) {
      return new Bad(AuthRefusal.TOKEN_SIGNATURE);
    }
    return believed(claims, until, nowMillis);
  }

  private Verdict believed(JWTClaimsSet claims, long until, long nowMillis) {
    if (!settings.issuer().equals(claims.getIssuer())) {
      return new Bad(AuthRefusal.TOKEN_ISSUER);
    }
    if (Collections.disjoint(claims.getAudience(), settings.audiences())) {
      return new Bad(AuthRefusal.TOKEN_AUDIENCE);
    }
    var notBefore = claims.getNotBeforeTime();
    if (notBefore != null && nowMillis < millis(notBefore.toInstant()) - skewMillis) {
      return new Bad(AuthRefusal.TOKEN_NOT_YET);
    }
    Object name = claim(claims.getClaims(), settings.principalClaim());
    if (!(name instanceof String principal) || !Principal.isName(principal)) {
      return new Bad(AuthRefusal.TOKEN_PRINCIPAL);
    }
    String rolesClaim = settings.rolesClaim();
    String modelsClaim = settings.modelsClaim();
    return new Good(
        principal,
        rolesClaim == null ? null : roles(claim(claims.getClaims(), rolesClaim)),
        modelsClaim == null ? null : ModelScope.of(texts(claim(claims.getClaims(), modelsClaim))),
        until);
  }

  /** A token without an end has ended. */
  private long untilMillis(JWTClaimsSet claims) {
    var expiry = claims.getExpirationTime();
    return expiry == null ? Long.MIN_VALUE : millis(expiry.toInstant()) + skewMillis;
  }

  /** Within bounds in which a skew can be added. */
  private static long millis(Instant time) {
    return Math.clamp(time.toEpochMilli(), Long.MIN_VALUE / 2, Long.MAX_VALUE / 2);
  }

  private static boolean isPlainJwt(@Nullable JOSEObjectType type) {
    return type == null
        || JOSEObjectType.JWT.equals(type)
        || "at+jwt".equalsIgnoreCase(type.getType())
        || "application/at+jwt".equalsIgnoreCase(type.getType());
  }

  /** A claim by its name, else by a path such as {@code realm_access.roles}. */
  private static @Nullable Object claim(Map<?, ?> claims, String name) {
    Object value = claims.get(name);
    int dot = name.indexOf('.');
    if (value != null || dot < 0) {
      return value;
    }
    return claims.get(name.substring(0, dot)) instanceof Map<?, ?> inner
        ? claim(inner, name.substring(dot + 1))
        : null;
  }

  private static Set<CallerRole> roles(@Nullable Object claim) {
    Set<CallerRole> roles = EnumSet.noneOf(CallerRole.class);
    for (String word : texts(claim)) {
      CallerRole role = CallerRole.named(word);
      if (role != null) {
        roles.add(role);
      }
    }
    return roles;
  }

  /** A list of texts, or one text with spaces between its words, as {@code scope} has it. */
  private static List<String> texts(@Nullable Object claim) {
    List<?> entries =
        switch (claim) {
          case String words -> List.of(words.split(" ", MAX_ENTRIES));
          case List<?> list -> list;
          case null, default -> List.of();
        };
    List<String> texts = new ArrayList<>();
    for (Object entry : entries) {
      if (entry instanceof String text && !text.isEmpty() && texts.size() < MAX_ENTRIES) {
        texts.add(text);
      }
    }
    return texts;
  }
}
