package dev.understudy.router.auth;

import dev.understudy.router.call.CallerRole;
import dev.understudy.router.call.Grant;
import dev.understudy.router.call.ModelScope;
import dev.understudy.router.call.Principal;
import dev.understudy.router.config.AuthConfig;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** What each principal may do, worked out once. Immutable; any thread. */
final class Grants {
  private final Map<String, Principal> named = new HashMap<>();
  private final Set<String> granted;
  private final Grant others;

  Grants(AuthConfig config) {
    Grant rest = config.others();
    others = rest == null ? Grant.NOTHING : rest;
    granted = Set.copyOf(config.principals().keySet());
    config.principals().forEach((name, grant) -> named.put(name, new Principal(name, grant)));
    for (String tester : config.testers()) {
      Principal known = named.get(tester);
      Grant grant = known != null ? known.grant() : rest != null ? rest : trusted();
      named.put(tester, new Principal(tester, grant.withTester()));
    }
  }

  /** A tester of whom nothing else is said may test everything. */
  private static Grant trusted() {
    return Grant.of(Set.of(CallerRole.INFER, CallerRole.METADATA), ModelScope.ALL, null);
  }

  /** Who bears this name. */
  Principal of(String name) {
    Principal known = named.get(name);
    return known == null ? new Principal(name, others) : known;
  }

  /** Those who bear these names. */
  Map<String, Principal> of(Collection<String> names) {
    Map<String, Principal> all = new HashMap<>();
    names.forEach(name -> all.put(name, of(name)));
    return all;
  }

  /**
   * Who came with a token. Its claims say what the configuration does not: a principal that has a
   * grant of its own has that and no more. Who is only called a tester gets the tester's role
   * beside what the claims say.
   */
  Principal of(TokenVerifier.Good token) {
    Principal known = named.get(token.principal());
    Set<CallerRole> roles = token.roles();
    ModelScope models = token.models();
    if (known != null && (granted.contains(known.name()) || (roles == null && models == null))) {
      return known;
    }
    ModelScope scope = models == null ? others.models() : models;
    Grant grant =
        roles == null
            ? new Grant(
                others.infer(), others.metadata(), others.tester(), scope, others.criticality())
            : Grant.of(roles, scope, others.criticality());
    return new Principal(token.principal(), known == null ? grant : grant.withTester());
  }
}
