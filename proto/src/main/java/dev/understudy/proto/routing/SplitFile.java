package dev.understudy.proto.routing;

import dev.understudy.proto.v1.Eligibility;
import dev.understudy.proto.v1.HeaderMatch;
import dev.understudy.proto.v1.Holdout;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.RouteRule;
import java.util.Locale;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The one reader of a model's rules, experiment and hold-out, in the router's static table as in
 * the controller's configuration. It takes the trees that whoever parses the file made of three
 * keys (maps, lists, and scalars as texts):
 *
 * <pre>{@code
 * rules:
 *   - name: staff
 *     headers:
 *       - {name: x-tenant, anyOf: [acme, globex]}
 *       - {name: user-agent, prefix: loadtest/, invert: true}
 *     principals: [alice]
 *     arm: canary
 * experiment: {layer: pricing, from: 0%, to: 50%}
 * holdout: {name: 2026-first-half, share: 1%}
 * }</pre>
 *
 * <p>Stateless.
 */
public final class SplitFile {
  private SplitFile() {}

  /**
   * Reads the three keys into a route and checks them.
   *
   * @param keys the tree of a key, or null when it is absent
   * @param problem gets a key and what is wrong there, everything at once
   * @return whether nothing was wrong
   */
  public static boolean read(
      Function<String, @Nullable Object> keys,
      BiConsumer<String, String> problem,
      ModelRoute.Builder route) {
    boolean[] sound = {true};
    BiConsumer<String, String> told =
        (key, text) -> {
          sound[0] = false;
          problem.accept(key, text);
        };
    Object rules = keys.apply("rules");
    if (rules != null) {
      for (Tree rule : Tree.list(rules, text -> told.accept("rules", text))) {
        route.addRules(rule(rule));
      }
    }
    Object experiment = keys.apply("experiment");
    if (experiment != null) {
      Tree range = Tree.of(experiment, text -> told.accept("experiment", text));
      if (range != null) {
        route.setEligibility(
            Eligibility.newBuilder()
                .setLayer(range.text("layer"))
                .setFromBp(range.basisPoints("from"))
                .setToBp(range.basisPoints("to")));
        range.refuseUnknownKeys();
      }
    }
    Object holdout = keys.apply("holdout");
    if (holdout != null) {
      Tree slice = Tree.of(holdout, text -> told.accept("holdout", text));
      if (slice != null) {
        route.setHoldout(
            Holdout.newBuilder()
                .setSalt(slice.text("name"))
                .setShareBp(slice.basisPoints("share")));
        slice.refuseUnknownKeys();
      }
    }
    if (sound[0]) {
      SplitCheck.problems(route.build(), told);
    }
    return sound[0];
  }

  private static RouteRule rule(Tree tree) {
    RouteRule.Builder rule =
        RouteRule.newBuilder()
            .setName(tree.text("name"))
            .addAllPrincipals(tree.texts("principals"))
            .setArm(tree.text("arm"));
    for (Tree header : tree.sections("headers")) {
      rule.addHeaders(
          HeaderMatch.newBuilder()
              .setName(header.text("name").toLowerCase(Locale.ROOT))
              .addAllAnyOf(header.texts("anyOf"))
              .setPrefix(header.text("prefix", ""))
              .setInvert(header.flag("invert")));
      header.refuseUnknownKeys();
    }
    tree.refuseUnknownKeys();
    return rule.build();
  }
}
