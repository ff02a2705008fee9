package dev.understudy.router.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.call.Grant;
import java.time.Duration;
import java.util.Set;
import org.junit.jupiter.api.Test;

class AuthConfigTest {
  private static final String JWT = "jwt: {jwksFile: j, issuer: i, audience: [a]";

  private static String problem(String auth) {
    ConfigException e = assertThrows(ConfigException.class, () -> read(auth));
    assertEquals(1, e.problems().size(), e.problems()::toString);
    return e.problems().getFirst();
  }

  private static RouterConfig read(String auth) {
    return RouterConfig.parse("r", "controller: 127.0.0.1:1\n" + auth);
  }

  private static AuthConfig auth(String text) {
    AuthConfig auth = read("auth: " + text).auth();
    assertNotNull(auth);
    return auth;
  }

  private static void assertProblem(String expected, String auth) {
    String problem = problem(auth);
    assertTrue(problem.contains(expected), problem);
  }

  @Test
  void withoutASectionNobodyIsAsked() {
    assertNull(read("").auth());
    assertNull(read("auth: {failures: {burst: 5}}").auth());
  }

  @Test
  void defaultsAreTheDocumentedOnes() {
    AuthConfig auth = auth("{" + JWT + "}, principals: {ann: {models: [x]}}}");
    AuthConfig.Jwt jwt = auth.jwt();
    assertNotNull(jwt);
    assertEquals(Set.of("RS256", "ES256"), jwt.algorithms());
    assertEquals(Duration.ofSeconds(30), jwt.skew());
    assertEquals(Duration.ofMinutes(5), jwt.refresh());
    assertEquals(Duration.ofDays(1), jwt.maxStale());
    assertEquals("sub", jwt.principalClaim());
    assertEquals(new AuthConfig.Failures(1, 100), auth.failures());
    Grant ann = auth.principals().get("ann");
    assertNotNull(ann);
    assertTrue(ann.infer() && ann.metadata() && !ann.tester());
    assertTrue(ann.models().contains("x") && !ann.models().contains("y"));
    assertNull(ann.criticality());
    assertNull(auth.others());
  }

  @Test
  void grantsSayRolesModelsAndCriticality() {
    AuthConfig auth =
        auth(
            "{keys: k, secret: s, others: {models: ['a-*'], roles: [tester, infer], criticality:"
                + " sheddable}}");
    Grant others = auth.others();
    assertNotNull(others);
    assertTrue(others.infer() && !others.metadata() && others.tester());
    assertEquals(Criticality.SHEDDABLE, others.criticality());
    assertProblem(
        "'admin' (expected: infer, metadata or tester)",
        "auth: {keys: k, secret: s, others: {models: [a], roles: [admin]}}");
    assertProblem(
        "auth.others.models: missing", "auth: {keys: k, secret: s, others: {roles: [infer]}}");
  }

  @Test
  void securityThatLetsNobodyInAndGrantsWithoutSecurityAreMistakes() {
    assertProblem("auth.keys: grants nobody anything", "auth: {keys: k, secret: s}");
    assertProblem("auth.jwt: grants nobody anything", "auth: {" + JWT + ", rolesClaim: r}}");
    assertNotNull(auth("{" + JWT + ", rolesClaim: r, modelsClaim: m}}"));
    assertProblem(
        "auth.principals: grants something to nobody", "auth: {principals: {a: {models: [x]}}}");
    assertProblem("auth.testers: grants something to nobody", "auth: {testers: [a]}");
  }

  @Test
  void onlyAsymmetricAlgorithmsAndSafeUrls() {
    for (String algorithm : new String[] {"none", "HS256", "RS1", "ES256K", "EdDSA"}) {
      assertProblem(
          "'" + algorithm + "' (expected: an asymmetric one",
          "auth: {" + JWT + ", algorithms: [" + algorithm + "]}, others: {models: [x]}}");
    }
    for (String url :
        new String[] {
          "http://issuer.example/jwks",
          "http://127.0.0.1.example/jwks",
          "file:///etc/passwd",
          "https://user:secret@issuer.example/",
          "nonsense"
        }) {
      String problem =
          problem(
              "auth: {jwt: {jwksUrl: '"
                  + url
                  + "', issuer: i, audience: [a]}, others: {models: [x]}}");
      assertTrue(problem.contains("auth.jwt.jwksUrl: "), problem);
      assertFalse(problem.contains("secret"), problem);
    }
    assertNotNull(
        auth("{jwt: {jwksUrl: 'https://issuer.example/jwks', issuer: i, audience: [a]}, others:"
                + " {models: [x]}}")
            .jwt());
  }

  @Test
  void issuerAudienceAndOneSourceOfKeysAreDemanded() {
    String rest = ", others: {models: [x]}}";
    assertProblem(
        "exactly one of jwksFile and jwksUrl", "auth: {jwt: {issuer: i, audience: [a]}" + rest);
    assertProblem(
        "exactly one of jwksFile and jwksUrl",
        "auth: {" + JWT + ", jwksUrl: 'https://x.example/'}" + rest);
    assertProblem("auth.jwt.issuer: is missing", "auth: {jwt: {jwksFile: j, audience: [a]}" + rest);
    assertProblem("auth.jwt.audience: missing", "auth: {jwt: {jwksFile: j, issuer: i}" + rest);
    assertProblem("expected: at most 5m", "auth: {" + JWT + ", skew: 6m}" + rest);
    assertProblem("expected: at least 1s", "auth: {" + JWT + ", refresh: 1ms}" + rest);
  }

  @Test
  void certificatesNeedToKnowWhomToTrust() {
    assertProblem(
        "auth.clientCertificates: needs to know whose",
        "auth: {clientCertificates: true, others: {models: [x]}}");
  }

  @Test
  void whereInferenceIsGuardedTheAdminPortHasATokenOfItsOwn() {
    String said =
        problem(
            """
            admin: 0.0.0.0:8091
            tls: {certificate: c, key: k, trust: t, requireClientCertificate: true}
            auth: {clientCertificates: true, others: {models: [x]}}
            """);
    assertTrue(said.contains("admin: 0.0.0.0:8091: off loopback"), said);
    assertTrue(said.contains("or tokenFile"), said);
    assertFalse(said.contains("tls.certificate"), said);
  }
}
