package dev.understudy.router.table;

import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.RouteRule;
import dev.understudy.router.split.Band;
import dev.understudy.router.split.Rules;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Who takes part in the split at all. What a route does not have is null, and costs a call nothing
 * but the look. Immutable.
 *
 * @param rules looked at first; null without any
 * @param targets of the rules, in their order
 * @param heldOut units that stay with the champion; null for none
 * @param eligible units outside of it are not split; null for all
 */
public record Selection(
    @Nullable Rules rules, List<Target> targets, @Nullable Band heldOut, @Nullable Band eligible) {
  /**
   * Where a rule sends calls.
   *
   * @param rule its name
   * @param wanted the name of the arm
   * @param arm null when the table has no such arm at present
   * @param flag what is noted of a call that went to the champion instead
   */
  public record Target(String rule, String wanted, @Nullable ArmPlan arm, String flag) {}

  static Selection of(ModelRoute route, Map<String, ArmPlan> arms) {
    List<Target> targets = new ArrayList<>();
    for (RouteRule rule : route.getRulesList()) {
      targets.add(
          new Target(
              rule.getName(),
              rule.getArm(),
              arms.get(rule.getArm()),
              "rule." + rule.getName() + ".champion-instead"));
    }
    return new Selection(
        targets.isEmpty() ? null : new Rules(route.getRulesList()),
        List.copyOf(targets),
        route.getHoldout().getShareBp() == 0
            ? null
            : Band.ofHoldout(route.getHoldout().getSalt(), route.getHoldout().getShareBp()),
        route.hasEligibility()
            ? Band.ofLayer(
                route.getEligibility().getLayer(),
                route.getEligibility().getFromBp(),
                route.getEligibility().getToBp())
            : null);
  }
}
