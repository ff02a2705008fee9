package dev.understudy.router.auth;

import dev.understudy.chassis.error.Fault;
import dev.understudy.router.call.Refusals;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Why somebody was not let in, as the counter's label has it. */
public enum AuthRefusal {
  /** Nothing says who is calling. */
  MISSING(false, null),
  /** The API key is none of ours. */
  UNKNOWN_KEY(true, Refusals.unknownKey()),
  /** The token is no signed JWT. */
  TOKEN_MALFORMED(true, Refusals.tokenMalformed()),
  /** The token's algorithm is not allowed. */
  TOKEN_ALGORITHM(true, Refusals.tokenAlgorithm()),
  /** No key is known that could have signed the token. */
  TOKEN_SIGNER(true, Refusals.tokenSigner()),
  /** The token's signature is wrong. */
  TOKEN_SIGNATURE(true, Refusals.tokenSignature()),
  /** The token has expired. */
  TOKEN_EXPIRED(false, Refusals.tokenExpired()),
  /** The token is not valid yet. */
  TOKEN_NOT_YET(false, Refusals.tokenNotYet()),
  /** Another issuer's token. */
  TOKEN_ISSUER(true, Refusals.tokenIssuer()),
  /** A token for another audience. */
  TOKEN_AUDIENCE(true, Refusals.tokenAudience()),
  /** The token names no principal. */
  TOKEN_PRINCIPAL(true, Refusals.tokenPrincipal()),
  /** The keys that sign tokens are not known. */
  TOKEN_KEYS(false, Refusals.tokenKeysUnavailable()),
  /** The connection outlived its certificate. */
  CERTIFICATE_EXPIRED(false, Refusals.certificateExpired()),
  /** The address presented too many wrong credentials. */
  TOO_MANY_FAILURES(false, null),
  /** The principal lacks the role. */
  ROLE(false, null),
  /** The model is not in the principal's scope. */
  MODEL(false, null);

  private final boolean guess;

  @SuppressWarnings("ImmutableEnumChecker") // a fault never changes
  private final @Nullable Fault fault;

  AuthRefusal(boolean guess, @Nullable Fault fault) {
    this.guess = guess;
    this.fault = fault;
  }

  /** Whether it can have been a guess, which the address may try so many times only. */
  boolean isGuess() {
    return guess;
  }

  /** What the caller is told where that is always the same. */
  Fault fault() {
    return Objects.requireNonNull(fault, "depends on who calls");
  }

  /** As the counter's label has it. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
