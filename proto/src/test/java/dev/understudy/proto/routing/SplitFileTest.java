package dev.understudy.proto.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.Eligibility;
import dev.understudy.proto.v1.HeaderMatch;
import dev.understudy.proto.v1.Holdout;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RouteRule;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SplitFileTest {
  private final ModelRoute.Builder route = ModelRoute.newBuilder();

  private List<String> read(Map<String, ?> tree) {
    List<String> problems = new ArrayList<>();
    boolean sound =
        SplitFile.read(tree::get, (key, text) -> problems.add(key + ": " + text), route);
    assertEquals(problems.isEmpty(), sound);
    return problems;
  }

  @Test
  void everyKeyIsRead() {
    Map<String, ?> tree =
        Map.of(
            "rules",
            List.of(
                Map.of(
                    "name",
                    "staff",
                    "headers",
                    List.of(
                        Map.of("name", "X-Tenant", "anyOf", List.of("acme", "globex")),
                        Map.of("name", "x-agent", "prefix", "load/", "invert", "true"),
                        Map.of("name", "x-beta")),
                    "principals",
                    List.of("alice"),
                    "arm",
                    "canary")),
            "experiment",
            Map.of("layer", "pricing", "from", "12.5%", "to", "0.5"),
            "holdout",
            Map.of("name", "2026", "share", "1%"));
    assertEquals(List.of(), read(tree));
    RouteRule rule = route.getRules(0);
    assertEquals("staff", rule.getName());
    assertEquals("canary", rule.getArm());
    assertEquals(List.of("alice"), rule.getPrincipalsList());
    assertEquals(
        HeaderMatch.newBuilder().setName("x-tenant").addAnyOf("acme").addAnyOf("globex").build(),
        rule.getHeaders(0));
    assertTrue(rule.getHeaders(1).getInvert());
    assertEquals("load/", rule.getHeaders(1).getPrefix());
    assertEquals(HeaderMatch.newBuilder().setName("x-beta").build(), rule.getHeaders(2));
    assertEquals(
        Eligibility.newBuilder().setLayer("pricing").setFromBp(1250).setToBp(5000).build(),
        route.getEligibility());
    assertEquals(Holdout.newBuilder().setSalt("2026").setShareBp(100).build(), route.getHoldout());
  }

  @Test
  void withoutKeysTheRouteIsLeftAsItIs() {
    assertEquals(List.of(), read(Map.of()));
    assertEquals(ModelRoute.getDefaultInstance(), route.build());
  }

  @Test
  void everythingThatIsWrongIsToldWithItsPlace() {
    Map<String, ?> tree =
        Map.of(
            "rules",
            List.of(
                "staff",
                Map.of(
                    "name", "b", "arm", "canary", "headers", "x", "principles", List.of("alice")),
                Map.of("headers", List.of(Map.of("invert", "maybe")), "arm", List.of())),
            "experiment",
            List.of(),
            "holdout",
            Map.of("name", "h", "share", "120%"));
    assertEquals(
        List.of(
            "rules: [0]: 'staff' (expected: a section)",
            "rules: [1].headers: 'x' (expected: a list)",
            "rules: [1].principles: unknown key (expected: one of [arm, headers, name,"
                + " principals])",
            "rules: [2].name: missing",
            "rules: [2].arm: is a list (expected: a text)",
            "rules: [2].headers[0].name: missing",
            "rules: [2].headers[0].invert: 'maybe' (expected: true or false)",
            "experiment: is a list (expected: a section)",
            "holdout: share: '120%' (expected: 0..1 or 0%..100%)"),
        read(tree));
  }

  private static List<String> check(ModelRoute.Builder route) {
    List<String> problems = new ArrayList<>();
    SplitCheck.problems(route.build(), (key, text) -> problems.add(key + ": " + text));
    return problems;
  }

  private static RouteRule.Builder rule(String name) {
    return RouteRule.newBuilder().setName(name).addPrincipals("p").setArm("canary");
  }

  @Test
  void armsThatAnswerMayBeNamedAtAnyTimeAndShadowsNever() {
    route.addArms(Arm.newBuilder().setName("shadow").setRole(Role.SHADOW));
    route.addArms(Arm.newBuilder().setName("old").setRole(Role.CONTROL));
    for (String arm : List.of("champion", "canary", "control", "old")) {
      assertEquals(List.of(), check(route.clone().addRules(rule("r").setArm(arm))));
    }
    for (String arm : List.of("shadow", "nope", "")) {
      assertEquals(
          List.of(
              "rules: rule 'r' names arm '"
                  + arm
                  + "' (expected: an arm that answers: champion, canary or control)"),
          check(route.clone().addRules(rule("r").setArm(arm))));
    }
  }

  @Test
  void rulesHaveNamesOfTheirOwnAndDoNotMatchEverything() {
    assertEquals(
        List.of("rules: rule 'r' is there twice"),
        check(route.clone().addRules(rule("r")).addRules(rule("r"))));
    assertEquals(
        List.of("rules: rule 'r r' (expected: a name of 1 to 64 of A-Z a-z 0-9 . _ -)"),
        check(route.clone().addRules(rule("r r"))));
    assertEquals(
        List.of("rules: rule 'r' matches every call (expected: headers or principals)"),
        check(route.clone().addRules(rule("r").clearPrincipals())));
    assertEquals(
        List.of("rules: rule 'r' has a principal without a name"),
        check(route.clone().addRules(rule("r").addPrincipals(""))));
  }

  @Test
  void headersAreOnesThatGrpcHasAndNoSecrets() {
    for (String name : List.of("", "X-Tenant", "x tenant", "grpc-timeout", "trace-bin", ":path")) {
      assertEquals(
          List.of(
              "rules: rule 'r' header '"
                  + name
                  + "' (expected: 1 to 128 of a-z 0-9 . _ -, not beginning with grpc-, not ending"
                  + " with -bin)"),
          check(route.clone().addRules(rule("r").addHeaders(header(name)))));
    }
    for (String name : List.of("authorization", "x-api-key")) {
      assertEquals(
          List.of("rules: rule 'r' header '" + name + "' carries a secret (expected: principals)"),
          check(route.clone().addRules(rule("r").addHeaders(header(name)))));
    }
    assertEquals(
        List.of(
            "rules: rule 'r' header 'a' has a value that no header can have (expected: printable"
                + " ASCII)"),
        check(route.clone().addRules(rule("r").addHeaders(header("a").addAnyOf("é")))));
    assertEquals(
        List.of(
            "rules: rule 'r' header 'a' has a prefix that no header can have (expected: printable"
                + " ASCII)"),
        check(route.clone().addRules(rule("r").addHeaders(header("a").setPrefix("\n")))));
  }

  private static HeaderMatch.Builder header(String name) {
    return HeaderMatch.newBuilder().setName(name);
  }

  @Test
  void numbersAreBounded() {
    ModelRoute.Builder many = route.clone();
    for (int i = 0; i < 65; i++) {
      many.addRules(rule("r" + i));
    }
    assertEquals(List.of("rules: 65 rules (expected: at most 64)"), check(many));
    List<String> values = Collections.nCopies(257, "v");
    assertEquals(
        List.of("rules: rule 'r' header 'a' has 257 values (expected: at most 256)"),
        check(route.clone().addRules(rule("r").addHeaders(header("a").addAllAnyOf(values)))));
    assertEquals(
        List.of("rules: rule 'r' has 258 principals (expected: at most 256)"),
        check(route.clone().addRules(rule("r").addAllPrincipals(values))));
    assertEquals(
        List.of("rules: rule 'r' has 17 headers (expected: at most 16)"),
        check(
            route
                .clone()
                .addRules(rule("r").addAllHeaders(Collections.nCopies(17, header("a").build())))));
  }

  @Test
  void rangesAndSharesLieOnTheScale() {
    for (int[] range : new int[][] {{0, 0}, {5000, 4000}, {0, 10_001}, {-1, 5}, {0, -1}}) {
      List<String> said =
          check(
              route
                  .clone()
                  .setEligibility(
                      Eligibility.newBuilder()
                          .setLayer("l")
                          .setFromBp(range[0])
                          .setToBp(range[1])));
      assertEquals(
          List.of(
              "experiment: from "
                  + Integer.toUnsignedString(range[0])
                  + " to "
                  + Integer.toUnsignedString(range[1])
                  + " of 10000 (expected: 0 <= from < to <= 10000)"),
          said);
    }
    assertEquals(
        List.of("holdout: share 10001 of 10000 (expected: 0 to 10000)"),
        check(route.clone().setHoldout(Holdout.newBuilder().setSalt("h").setShareBp(10_001))));
    assertFalse(check(route.clone().setHoldout(Holdout.newBuilder().setShareBp(1))).isEmpty());
    assertFalse(check(route.clone().setEligibility(Eligibility.newBuilder().setToBp(1))).isEmpty());
  }
}
