package dev.understudy.router.split;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.HeaderMatch;
import dev.understudy.proto.v1.RouteRule;
import dev.understudy.router.call.Headers;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class RulesTest {
  private static HeaderMatch.Builder header(String name, String... anyOf) {
    return HeaderMatch.newBuilder().setName(name).addAllAnyOf(List.of(anyOf));
  }

  private static RouteRule rule(HeaderMatch.Builder... headers) {
    RouteRule.Builder rule = RouteRule.newBuilder();
    for (HeaderMatch.Builder header : headers) {
      rule.addHeaders(header);
    }
    return rule.build();
  }

  private static RouteRule principals(String... names) {
    return RouteRule.newBuilder().addAllPrincipals(List.of(names)).build();
  }

  private static int first(Map<String, String> headers, String principal, RouteRule... rules) {
    return new Rules(List.of(rules)).first(headers::get, principal);
  }

  @Test
  void aHeaderMatchesByValueByPrefixByPresenceAndByTheirOpposites() {
    Map<String, String> acme = Map.of("x-tenant", "acme");
    assertEquals(0, first(acme, "p", rule(header("x-tenant", "globex", "acme"))));
    assertEquals(Rules.NONE, first(acme, "p", rule(header("x-tenant", "globex"))));
    assertEquals(0, first(acme, "p", rule(header("x-tenant").setPrefix("ac"))));
    assertEquals(Rules.NONE, first(acme, "p", rule(header("x-tenant").setPrefix("acme-"))));
    assertEquals(0, first(acme, "p", rule(header("x-tenant", "globex").setPrefix("ac"))));
    assertEquals(0, first(acme, "p", rule(header("x-tenant"))));
    assertEquals(Rules.NONE, first(acme, "p", rule(header("x-beta"))));
    assertEquals(0, first(acme, "p", rule(header("x-beta").setInvert(true))));
    assertEquals(0, first(acme, "p", rule(header("x-tenant", "globex").setInvert(true))));
    assertEquals(Rules.NONE, first(acme, "p", rule(header("x-tenant", "acme").setInvert(true))));
    assertEquals(
        Rules.NONE, first(acme, "p", rule(header("x-tenant").setPrefix("a").setInvert(true))));
  }

  @Test
  void allHeadersAndOneOfThePrincipalsMustMatch() {
    RouteRule both =
        rule(header("a", "1"), header("b", "2")).toBuilder().addPrincipals("alice").build();
    assertEquals(0, first(Map.of("a", "1", "b", "2"), "alice", both));
    assertEquals(Rules.NONE, first(Map.of("a", "1"), "alice", both));
    assertEquals(Rules.NONE, first(Map.of("a", "1", "b", "2"), "bob", both));
    RouteRule range = rule(header("a").setPrefix("x"), header("a", "xy").setInvert(true));
    assertEquals(0, first(Map.of("a", "xz"), "p", range));
    assertEquals(Rules.NONE, first(Map.of("a", "xy"), "p", range));
  }

  @Test
  void theFirstRuleThatMatchesCounts() {
    RouteRule[] rules = {
      principals("alice"), rule(header("a", "1")), rule(header("a")), principals("bob", "carol")
    };
    assertEquals(0, first(Map.of("a", "1"), "alice", rules));
    assertEquals(1, first(Map.of("a", "1"), "bob", rules));
    assertEquals(2, first(Map.of("a", "2"), "bob", rules));
    assertEquals(3, first(Map.of(), "carol", rules));
    assertEquals(Rules.NONE, first(Map.of(), "dave", rules));
  }

  @Test
  void aHeaderThatNoRemainingRuleAsksForIsNotLookedUp() {
    List<String> asked = new ArrayList<>();
    Rules rules =
        new Rules(
            List.of(
                rule(header("a", "1"), header("b")),
                rule(header("c")).toBuilder().addPrincipals("alice").build()));
    int found =
        rules.first(
            name -> {
              asked.add(name);
              return null;
            },
            "bob");
    assertEquals(Rules.NONE, found);
    assertEquals(List.of("a"), asked);
  }

  /** The law, one rule after the other, without any of the masks. */
  private static int slowly(List<RouteRule> rules, Map<String, String> headers, String principal) {
    for (int i = 0; i < rules.size(); i++) {
      RouteRule rule = rules.get(i);
      boolean matches =
          rule.getPrincipalsCount() == 0 || rule.getPrincipalsList().contains(principal);
      for (HeaderMatch header : rule.getHeadersList()) {
        matches &= holds(header, headers.get(header.getName()));
      }
      if (matches) {
        return i;
      }
    }
    return Rules.NONE;
  }

  private static boolean holds(HeaderMatch header, @Nullable String value) {
    boolean any = header.getAnyOfCount() == 0 && header.getPrefix().isEmpty();
    boolean matches =
        value != null
            && (any
                || header.getAnyOfList().contains(value)
                || (!header.getPrefix().isEmpty() && value.startsWith(header.getPrefix())));
    return header.getInvert() != matches;
  }

  @Test
  void masksSayWhatTheRulesSayOneByOne() {
    SplittableRandom random = new SplittableRandom(11);
    String[] names = {"a", "b", "c"};
    String[] values = {"", "?", "x", "xy", "xyz", "z"};
    String[] people = {"alice", "bob", "carol"};
    for (int table = 0; table < 400; table++) {
      List<RouteRule> rules = new ArrayList<>();
      int count = 1 + random.nextInt(table % 10 == 0 ? 64 : 6);
      for (int i = 0; i < count; i++) {
        RouteRule.Builder rule = RouteRule.newBuilder();
        for (int h = random.nextInt(4); h > 0; h--) {
          HeaderMatch.Builder header = header(names[random.nextInt(3)]);
          for (int v = random.nextInt(3); v > 0; v--) {
            header.addAnyOf(values[random.nextInt(6)]);
          }
          header.setPrefix(random.nextInt(3) == 0 ? values[random.nextInt(6)] : "");
          rule.addHeaders(header.setInvert(random.nextBoolean()));
        }
        for (int p = random.nextInt(3); p > 0; p--) {
          rule.addPrincipals(people[random.nextInt(3)]);
        }
        rules.add(rule.build());
      }
      Rules compiled = new Rules(rules);
      for (int call = 0; call < 50; call++) {
        Map<String, String> headers = new HashMap<>();
        for (String name : names) {
          if (random.nextInt(3) > 0) {
            headers.put(name, values[random.nextInt(6)]);
          }
        }
        String principal = random.nextInt(4) == 0 ? "dave" : people[random.nextInt(3)];
        assertEquals(
            slowly(rules, headers, principal),
            compiled.first(headers::get, principal),
            () -> rules + " " + headers + " " + principal);
      }
    }
  }

  @Test
  void matchingAndBandsAllocateNothing() {
    List<RouteRule> rules = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      rules.add(
          rule(header("x-tenant", "t" + i), header("user-agent").setPrefix("a" + i)).toBuilder()
              .addPrincipals("p" + i)
              .build());
    }
    Rules compiled = new Rules(rules);
    Map<String, String> headers = Map.of("x-tenant", "t63", "user-agent", "a63/1.0");
    Headers of = headers::get;
    Band band = Band.ofLayer("l", 0, 5000);
    var threads =
        (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
    long matched = 0;
    long before = threads.getCurrentThreadAllocatedBytes();
    for (int i = 0; i < 20_000; i++) {
      matched += compiled.first(of, "p63");
      matched += band.contains("customer-1") ? 1 : 0;
    }
    long bytes = threads.getCurrentThreadAllocatedBytes() - before;
    assertTrue(matched >= 63 * 20_000, "matched " + matched);
    // What the question itself and the first use of a class take.
    assertTrue(bytes < 20_000, bytes + " bytes in 20,000 calls");
  }

  @Test
  void sixtyFourRulesFitAndNoMore() {
    List<RouteRule> rules = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      rules.add(principals("p" + i));
    }
    assertEquals(63, new Rules(rules).first(name -> null, "p63"));
    assertEquals(Rules.NONE, new Rules(rules).first(name -> null, "p64"));
    rules.add(principals("p64"));
    assertEquals(
        "rules: 65 (expected: 1 to 64)",
        assertThrows(IllegalArgumentException.class, () -> new Rules(rules)).getMessage());
  }
}
