package dev.understudy.proto.routing;

import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.Eligibility;
import dev.understudy.proto.v1.HeaderMatch;
import dev.understudy.proto.v1.Holdout;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RouteRule;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiConsumer;

/**
 * Whether a route's rules, experiment and hold-out can be used. Whoever writes a route and whoever
 * takes one asks here, so that nothing is sent that would be refused. Stateless.
 */
public final class SplitCheck {
  /** The most rules of a model; the router keeps them as the bits of one number. */
  public static final int MOST_RULES = 64;

  /** The most headers of one rule. */
  public static final int MOST_HEADERS = 16;

  /** The most values of one header, and the most principals of one rule. */
  public static final int MOST_VALUES = 256;

  /** The longest name of a rule or a layer, or salt of a hold-out. */
  public static final int MOST_NAME_CHARS = 64;

  private static final int MOST_HEADER_CHARS = 128;
  private static final int MOST_VALUE_CHARS = 1024;
  private static final int WHOLE = 10_000;

  /** These come and go with a rollout, and a rule may name them at any time. */
  private static final List<String> PASSING_ARMS = List.of("champion", "canary", "control");

  /** What these carry is a secret, and a table is none. */
  private static final List<String> SECRET_HEADERS = List.of("authorization", "x-api-key");

  private SplitCheck() {}

  /**
   * Tells everything that is wrong.
   *
   * @param problem gets {@code rules}, {@code experiment} or {@code holdout}, and a text with the
   *     value and the expectation
   */
  public static void problems(ModelRoute route, BiConsumer<String, String> problem) {
    if (route.getRulesCount() > MOST_RULES) {
      problem.accept("rules", route.getRulesCount() + " rules (expected: at most 64)");
    }
    Set<String> names = new HashSet<>();
    Set<String> arms = arms(route);
    for (RouteRule rule : route.getRulesList()) {
      String who = "rule '" + rule.getName() + "'";
      if (!isName(rule.getName())) {
        problem.accept("rules", who + " (expected: a name of 1 to 64 of A-Z a-z 0-9 . _ -)");
      } else if (!names.add(rule.getName())) {
        problem.accept("rules", who + " is there twice");
      }
      rule(rule, arms, text -> problem.accept("rules", who + " " + text));
    }
    if (route.hasEligibility()) {
      eligibility(route.getEligibility(), text -> problem.accept("experiment", text));
    }
    if (route.hasHoldout()) {
      holdout(route.getHoldout(), text -> problem.accept("holdout", text));
    }
  }

  private interface Told {
    void say(String text);
  }

  private static Set<String> arms(ModelRoute route) {
    Set<String> arms = new HashSet<>(PASSING_ARMS);
    for (Arm arm : route.getArmsList()) {
      if (arm.getRole() == Role.SHADOW || arm.getRole() == Role.MIRRORED_CONTROL) {
        arms.remove(arm.getName());
      } else {
        arms.add(arm.getName());
      }
    }
    return arms;
  }

  private static void rule(RouteRule rule, Set<String> arms, Told problem) {
    if (!arms.contains(rule.getArm())) {
      problem.say(
          "names arm '"
              + rule.getArm()
              + "' (expected: an arm that answers: champion, canary or"
              + " control)");
    }
    if (rule.getHeadersCount() == 0 && rule.getPrincipalsCount() == 0) {
      problem.say("matches every call (expected: headers or principals)");
    }
    if (rule.getHeadersCount() > MOST_HEADERS) {
      problem.say("has " + rule.getHeadersCount() + " headers (expected: at most 16)");
    }
    if (rule.getPrincipalsCount() > MOST_VALUES) {
      problem.say("has " + rule.getPrincipalsCount() + " principals (expected: at most 256)");
    }
    if (rule.getPrincipalsList().contains("")) {
      problem.say("has a principal without a name");
    }
    for (HeaderMatch header : rule.getHeadersList()) {
      header(header, problem);
    }
  }

  private static void header(HeaderMatch header, Told problem) {
    String name = header.getName();
    String who = "header '" + name + "'";
    if (SECRET_HEADERS.contains(name)) {
      problem.say(who + " carries a secret (expected: principals)");
    } else if (!isHeader(name)) {
      problem.say(
          who
              + " (expected: 1 to 128 of a-z 0-9 . _ -, not beginning with grpc-, not ending with"
              + " -bin)");
    }
    if (header.getAnyOfCount() > MOST_VALUES) {
      problem.say(who + " has " + header.getAnyOfCount() + " values (expected: at most 256)");
    }
    for (String value : header.getAnyOfList()) {
      if (!isValue(value)) {
        problem.say(who + " has a value that no header can have (expected: printable ASCII)");
        break;
      }
    }
    if (!isValue(header.getPrefix())) {
      problem.say(who + " has a prefix that no header can have (expected: printable ASCII)");
    }
  }

  private static void eligibility(Eligibility range, Told problem) {
    if (!isName(range.getLayer())) {
      problem.say(
          "layer '" + range.getLayer() + "' (expected: a name of 1 to 64 of A-Z a-z 0-9 . _ -)");
    }
    int from = range.getFromBp();
    int to = range.getToBp();
    // Unsigned on the wire: a negative number is a huge one.
    if (from < 0 || to < 0 || from >= to || to > WHOLE) {
      problem.say(
          "from "
              + Integer.toUnsignedString(from)
              + " to "
              + Integer.toUnsignedString(to)
              + " of 10000 (expected: 0 <= from < to <= 10000)");
    }
  }

  private static void holdout(Holdout holdout, Told problem) {
    if (!isName(holdout.getSalt())) {
      problem.say(
          "name '" + holdout.getSalt() + "' (expected: a name of 1 to 64 of A-Z a-z 0-9 . _ -)");
    }
    int share = holdout.getShareBp();
    if (share < 0 || share > WHOLE) {
      problem.say("share " + Integer.toUnsignedString(share) + " of 10000 (expected: 0 to 10000)");
    }
  }

  private static boolean isName(String text) {
    return !text.isEmpty()
        && text.length() <= MOST_NAME_CHARS
        && text.chars().allMatch(c -> isLowerOrDigit(c) || (c >= 'A' && c <= 'Z') || isMark(c));
  }

  private static boolean isHeader(String text) {
    return !text.isEmpty()
        && text.length() <= MOST_HEADER_CHARS
        && !text.startsWith("grpc-")
        && !text.endsWith("-bin")
        && text.chars().allMatch(c -> isLowerOrDigit(c) || isMark(c));
  }

  private static boolean isValue(String text) {
    return text.length() <= MOST_VALUE_CHARS && text.chars().allMatch(c -> c >= ' ' && c <= '~');
  }

  private static boolean isLowerOrDigit(int c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  }

  private static boolean isMark(int c) {
    return c == '.' || c == '_' || c == '-';
  }
}
