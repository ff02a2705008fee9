package dev.understudy.router.config;

import dev.understudy.chassis.config.Section;
import dev.understudy.chassis.security.Tls;
import dev.understudy.router.call.CallerRole;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.call.Grant;
import dev.understudy.router.call.ModelScope;
import dev.understudy.router.call.Principal;
import java.net.InetAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Who may call, and what for. It is there when callers must say who they are; then nobody may do
 * anything but ask for the server's health unless a grant says so.
 *
 * @param keys API keys; null for none
 * @param jwt tokens; null for none
 * @param clientCertificates whether a trusted client certificate says who is calling
 * @param principals grants by name
 * @param others the grant of those without one; null for none
 * @param testers principals that may choose an arm, whatever else they may
 * @param failures how many wrong credentials an address may present
 */
public record AuthConfig(
    @Nullable Keys keys,
    @Nullable Jwt jwt,
    boolean clientCertificates,
    Map<String, Grant> principals,
    @Nullable Grant others,
    List<String> testers,
    Failures failures) {
  /** Signature algorithms that a token may have: asymmetric ones alone. */
  public static final Set<String> ALGORITHMS =
      Set.of("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512");

  private static final String NOBODY =
      "grants nobody anything (expected: principals, others, testers, or jwt.rolesClaim with"
          + " jwt.modelsClaim)";

  /**
   * API keys.
   *
   * @param file lines {@code principal: hmac}
   * @param secretFile the HMAC's secret
   */
  public record Keys(Path file, Path secretFile) {}

  /**
   * Tokens of one issuer. Exactly one of {@code file} and {@code url} is there.
   *
   * @param file the issuer's keys as JWKS
   * @param url where the issuer serves them
   * @param issuer what {@code iss} must be
   * @param audiences one of them must be in {@code aud}
   * @param algorithms by their JOSE names
   * @param skew by how much clocks may differ
   * @param refresh how often the keys are fetched
   * @param maxStale how old the keys may be when they cannot be fetched
   * @param principalClaim the claim that names the principal
   * @param rolesClaim the claim with roles; null for none
   * @param modelsClaim the claim with names and patterns of models; null for none
   */
  public record Jwt(
      @Nullable Path file,
      @Nullable URI url,
      String issuer,
      Set<String> audiences,
      Set<String> algorithms,
      Duration skew,
      Duration refresh,
      Duration maxStale,
      String principalClaim,
      @Nullable String rolesClaim,
      @Nullable String modelsClaim) {}

  /**
   * How many wrong credentials one address may present.
   *
   * @param perSecond in the long run
   * @param burst at once
   */
  public record Failures(double perSecond, int burst) {}

  /**
   * Reads the section {@code auth}.
   *
   * @param tls that of the listener
   * @return null when nobody is asked who he is
   */
  public static @Nullable AuthConfig read(Section auth, @Nullable Tls tls) {
    Keys keys = keys(auth);
    Jwt jwt = auth.has("jwt") ? jwt(auth.section("jwt")) : null;
    boolean certificates = auth.flag("clientCertificates", false);
    if (certificates && (tls == null || tls.trust() == null)) {
      auth.problem("clientCertificates", "needs to know whose certificates (expected: tls.trust)");
    }
    Map<String, Grant> principals = new LinkedHashMap<>();
    auth.namedSections("principals")
        .forEach((name, section) -> {
          if (!Principal.isName(name)) {
            section.problem(
                "models", "the principal's name must be printable ASCII (expected: at most 256)");
          }
          principals.put(name, grant(section));
        });
    Grant others = auth.has("others") ? grant(auth.section("others")) : null;
    List<String> testers = auth.strings("testers");
    Section limit = auth.section("failures");
    Failures failures =
        new Failures(
            limit.real("perSecond", 1, 1e-3, 1e6), limit.integer("burst", 100, 1, 1_000_000));
    if (keys == null && jwt == null && !certificates) {
      for (String key : List.of("principals", "others", "testers")) {
        if (auth.has(key)) {
          auth.problem(
              key, "grants something to nobody (expected: keys, jwt or clientCertificates too)");
        }
      }
      return null;
    }
    boolean byClaims = jwt != null && jwt.rolesClaim() != null && jwt.modelsClaim() != null;
    if (principals.isEmpty() && others == null && testers.isEmpty() && !byClaims) {
      auth.problem(keys != null ? "keys" : jwt != null ? "jwt" : "clientCertificates", NOBODY);
    }
    return new AuthConfig(
        keys, jwt, certificates, Map.copyOf(principals), others, testers, failures);
  }

  private static @Nullable Keys keys(Section auth) {
    Path file = auth.optionalPath("keys");
    Path secret = auth.optionalPath("secret");
    if (file == null || secret == null) {
      if (file != null || secret != null) {
        auth.problem(file == null ? "keys" : "secret", "missing (expected: keys and secret)");
      }
      return null;
    }
    return new Keys(file, secret);
  }

  private static Grant grant(Section section) {
    Set<CallerRole> roles = EnumSet.noneOf(CallerRole.class);
    List<String> words = section.strings("roles");
    if (!section.has("roles")) {
      roles.add(CallerRole.INFER);
      roles.add(CallerRole.METADATA);
    }
    for (String word : words) {
      CallerRole role = CallerRole.named(word);
      if (role == null) {
        section.problem("roles", "'" + word + "' (expected: infer, metadata or tester)");
      } else {
        roles.add(role);
      }
    }
    List<String> models = section.strings("models");
    if (!section.has("models")) {
      section.problem("models", "missing (expected: names or patterns of models, '*' for all)");
    }
    return Grant.of(
        roles,
        ModelScope.of(models),
        section.has("criticality")
            ? section.choice("criticality", Criticality.class, Criticality.DEFAULT)
            : null);
  }

  private static Jwt jwt(Section section) {
    Path file = section.optionalPath("jwksFile");
    URI url = url(section);
    if ((file == null) == (section.optionalString("jwksUrl") == null)) {
      section.problem("jwksFile", "expected exactly one of jwksFile and jwksUrl");
    }
    List<String> audiences = section.strings("audience");
    if (audiences.isEmpty()) {
      section.problem("audience", "missing (expected: a list of names, one of which tokens carry)");
    }
    List<String> algorithms = section.strings("algorithms");
    for (String algorithm : algorithms) {
      if (!ALGORITHMS.contains(algorithm)) {
        section.problem(
            "algorithms",
            "'" + algorithm + "' (expected: an asymmetric one such as RS256, PS256 or ES256)");
      }
    }
    Duration skew = section.duration("skew", Duration.ofSeconds(30));
    if (skew.compareTo(Duration.ofMinutes(5)) > 0) {
      section.problem("skew", skew.toSeconds() + "s (expected: at most 5m)");
    }
    return new Jwt(
        file,
        url,
        section.string("issuer"),
        Set.copyOf(audiences),
        algorithms.isEmpty() ? Set.of("RS256", "ES256") : Set.copyOf(algorithms),
        skew,
        atLeast(section, "refresh", section.duration("refresh", Duration.ofMinutes(5)), 1),
        atLeast(section, "maxStale", section.duration("maxStale", Duration.ofDays(1)), 60),
        section.string("principalClaim", "sub"),
        section.optionalString("rolesClaim"),
        section.optionalString("modelsClaim"));
  }

  private static Duration atLeast(Section section, String key, Duration value, int seconds) {
    if (value.toSeconds() < seconds) {
      section.problem(key, value.toMillis() + "ms (expected: at least " + seconds + "s)");
    }
    return value;
  }

  /** Plain HTTP is for loopback alone: whoever can change the keys can be anybody. */
  private static @Nullable URI url(Section section) {
    String text = section.optionalString("jwksUrl");
    if (text == null) {
      return null;
    }
    try {
      URI url = new URI(text);
      String scheme = String.valueOf(url.getScheme());
      String host = url.getHost();
      if (host != null
          && url.getUserInfo() == null
          && ("https".equals(scheme) || ("http".equals(scheme) && isLoopback(host)))) {
        return url;
      }
    } catch (URISyntaxException e) {
      // The problem below says all of it.
    }
    // A text with an @ may carry a password.
    String shown = text.indexOf('@') < 0 ? "'" + text + "'" : "a URL with a user";
    section.problem("jwksUrl", shown + " (expected: https://..., or http:// on loopback)");
    return null;
  }

  private static boolean isLoopback(String host) {
    try {
      return "localhost".equals(host)
          || (host.matches("[0-9.]+|\\[[0-9a-fA-F:]+\\]")
              && InetAddress.getByName(host).isLoopbackAddress());
    } catch (UnknownHostException e) {
      return false;
    }
  }
}
