package dev.understudy.router.auth;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSVerifier;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.crypto.RSASSAVerifier;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.RSAKey;
import dev.understudy.chassis.config.ConfigException;
import java.text.ParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * An issuer's public keys, as one reading of its JWKS (RFC 7517) gave them. Secrets among them are
 * left out: a symmetric key verifies nothing here, so the public key of an RSA pair cannot be
 * passed off as one. Immutable; any thread.
 */
final class TokenKeys {
  /** The largest JWKS that is read: {@value} bytes. */
  static final int MAX_BYTES = 256 << 10;

  private static final int MAX_KEYS = 100;
  private static final int MIN_RSA_BITS = 2048;
  private static final Set<JWSAlgorithm> RSA =
      Set.of(
          JWSAlgorithm.RS256,
          JWSAlgorithm.RS384,
          JWSAlgorithm.RS512,
          JWSAlgorithm.PS256,
          JWSAlgorithm.PS384,
          JWSAlgorithm.PS512);

  private record Key(@Nullable String id, Set<JWSAlgorithm> algorithms, JWSVerifier verifier) {}

  private final List<Key> keys;

  private TokenKeys(List<Key> keys) {
    this.keys = List.copyOf(keys);
  }

  /**
   * Reads a JWKS. Keys for other uses, and of kinds that are not known here, are left out.
   *
   * @throws ConfigException if it is none, or holds no key that could verify a token
   */
  static TokenKeys parse(String name, String json) {
    List<Key> usable = new ArrayList<>();
    try {
      for (JWK jwk : JWKSet.parse(json).getKeys()) {
        boolean signs = jwk.getKeyUse() == null || KeyUse.SIGNATURE.equals(jwk.getKeyUse());
        Key key = signs ? key(jwk) : null;
        if (key != null && usable.size() < MAX_KEYS) {
          usable.add(key);
        }
      }
    } catch (ParseException | JOSEException | IllegalArgumentException | IllegalStateException e) {
      throw new ConfigException(name + ": not a set of keys (expected: JWKS, RFC 7517)");
    }
    if (usable.isEmpty()) {
      throw new ConfigException(
          name + ": no key that verifies tokens (expected: RSA of at least 2048 bits, or EC)");
    }
    return new TokenKeys(usable);
  }

  private static @Nullable Key key(JWK jwk) throws JOSEException {
    return switch (jwk) {
      case RSAKey rsa when rsa.size() >= MIN_RSA_BITS ->
          new Key(rsa.getKeyID(), allowed(rsa, RSA), new RSASSAVerifier(rsa.toPublicJWK()));
      case ECKey ec -> {
        JWSAlgorithm algorithm = algorithm(ec.getCurve());
        yield algorithm == null
            ? null
            : new Key(
                ec.getKeyID(), allowed(ec, Set.of(algorithm)), new ECDSAVerifier(ec.toPublicJWK()));
      }
      default -> null;
    };
  }

  /** What the key's kind can do, and no more than the key says it is for. */
  private static Set<JWSAlgorithm> allowed(JWK jwk, Set<JWSAlgorithm> possible) {
    if (jwk.getAlgorithm() == null) {
      return possible;
    }
    JWSAlgorithm one = JWSAlgorithm.parse(jwk.getAlgorithm().getName());
    return possible.contains(one) ? Set.of(one) : Set.of();
  }

  private static @Nullable JWSAlgorithm algorithm(Curve curve) {
    if (curve.equals(Curve.P_256)) {
      return JWSAlgorithm.ES256;
    }
    if (curve.equals(Curve.P_384)) {
      return JWSAlgorithm.ES384;
    }
    return curve.equals(Curve.P_521) ? JWSAlgorithm.ES512 : null;
  }

  /**
   * What verifies a token's signature. A token that does not name its key is verified when exactly
   * one key could have signed it: trying them all would let strangers multiply our work.
   *
   * @return null if there is no such key
   */
  @Nullable JWSVerifier verifier(@Nullable String id, JWSAlgorithm algorithm) {
    JWSVerifier found = null;
    for (Key key : keys) {
      if (key.algorithms.contains(algorithm) && (id == null || id.equals(key.id))) {
        if (id != null) {
          return key.verifier;
        }
        if (found != null) {
          return null;
        }
        found = key.verifier;
      }
    }
    return found;
  }

  /** How many keys there are. */
  int size() {
    return keys.size();
  }
}
