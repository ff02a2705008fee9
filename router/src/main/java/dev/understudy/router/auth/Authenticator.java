package dev.understudy.router.auth;

import dev.understudy.chassis.security.ApiKeys;
import dev.understudy.router.call.Headers;
import dev.understudy.router.call.Principal;
import dev.understudy.router.call.Refusals;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Turns an API key into a principal. Immutable; any thread. */
public final class Authenticator {
  private static final String BEARER = "Bearer ";

  private final @Nullable ApiKeys keys;
  private final Set<String> testers;

  /**
   * Makes an authenticator.
   *
   * @param keys null: everybody is {@link Principal#ANONYMOUS}
   * @param testers names of principals that may choose an arm
   */
  public Authenticator(@Nullable ApiKeys keys, Set<String> testers) {
    this.keys = keys;
    this.testers = Set.copyOf(testers);
  }

  /**
   * Who is calling: by {@code authorization: Bearer KEY}, or by {@code x-api-key: KEY}.
   *
   * @throws dev.understudy.chassis.error.Fault when a key is needed and missing or unknown
   */
  public Principal authenticate(Headers headers) {
    if (keys == null) {
      return Principal.ANONYMOUS;
    }
    String key = key(headers);
    if (key == null) {
      throw Refusals.noKey();
    }
    String name = keys.principalOf(key);
    if (name == null) {
      throw Refusals.unknownKey();
    }
    return new Principal(name, testers.contains(name));
  }

  /** What a principal of this name may do, when somebody who may asks about its calls. */
  public Principal named(String name) {
    return new Principal(name, testers.contains(name));
  }

  private static @Nullable String key(Headers headers) {
    String authorization = headers.get("authorization");
    if (authorization != null && authorization.regionMatches(true, 0, BEARER, 0, BEARER.length())) {
      return authorization.substring(BEARER.length()).strip();
    }
    return headers.get("x-api-key");
  }
}
