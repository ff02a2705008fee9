package dev.understudy.router.stack;

import dev.understudy.proto.v1.Role;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.split.Band;
import dev.understudy.router.split.Rules;
import dev.understudy.router.split.Share;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.table.Selection;
import dev.understudy.router.table.Tables;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Which arm a call belongs to, under which probabilities, whether that counts, and why.
 *
 * <p>The order: an arm that a tester chose, a version that the client pinned, a sequence, the
 * rules, the hold-out, the experiment's range of its layer, the split. Whatever comes before the
 * split is served and left out of the evidence. The unit of hold-out, layer and split is the same:
 * the call's key, or its prediction id.
 *
 * @param arm the arm that is asked first
 * @param canaryBp the canary's probability in force for this call
 * @param controlBp the control's
 * @param judged whether the call is evidence; otherwise it is counted as left out
 * @param copied whether the call may be mirrored: where shares are not in force, copies are not
 *     either, because both are the trial's
 * @param rescuable whether the champion may answer when the arm fails
 * @param why what decided
 * @param rule index of the rule that matched, else {@link Rules#NONE}
 */
record Assignment(
    ArmPlan arm,
    int canaryBp,
    int controlBp,
    boolean judged,
    boolean copied,
    boolean rescuable,
    Why why,
    int rule) {
  /** What decided. */
  enum Why {
    /** The model is not listed: it goes where all such models go. */
    PASS_THROUGH,
    /** A tester's header. */
    CHOSEN,
    /** The version that the client asked for. */
    PINNED,
    /** Sequences go to the champion. */
    SEQUENCE,
    /** A rule. */
    RULE,
    /** A rule whose arm is not there or not in force. */
    RULE_WITHOUT_ARM,
    /** The split goes by a key that the call does not have. */
    NO_KEY,
    /** The hold-out. */
    HELD_OUT,
    /** Outside of the experiment's range. */
    NOT_ELIGIBLE,
    /** The point of the call's unit. */
    SPLIT,
    /** The point, but no backend of that arm is in use: the champion. */
    ARM_LEFT_ALONE,
    /** The point; the call tries whether a backend that was left alone is back. */
    TRIES_AGAIN
  }

  private static final String ARM_HEADER = "x-understudy-arm";

  /**
   * Assigns a call.
   *
   * @param sharesHold whether the table's shares are in force
   * @param available whether an arm has a backend in use: an arm without one has no share
   * @param probe whether a call that would have gone to such an arm may try it
   * @throws dev.understudy.chassis.error.Fault when the call asks for what it cannot have
   */
  static Assignment of(
      InferCall call,
      ModelPlan plan,
      boolean sharesHold,
      Predicate<ArmPlan> available,
      Predicate<ArmPlan> probe) {
    ArmPlan champion = plan.champion();
    if (plan.passesThrough()) {
      return leftOut(champion, Why.PASS_THROUGH);
    }
    String wanted = call.header(ARM_HEADER);
    if (wanted != null) {
      return leftOut(byHeader(call, plan, wanted, sharesHold), Why.CHOSEN);
    }
    if (!call.version().isEmpty()) {
      return leftOut(pinned(call, plan, sharesHold), Why.PINNED);
    }
    if (call.inSequence()) {
      return leftOut(champion, Why.SEQUENCE);
    }
    Selection selection = plan.selection();
    Rules rules = selection.rules();
    if (rules != null) {
      int rule = rules.first(call.headers(), call.principal().name());
      if (rule != Rules.NONE) {
        return byRule(call, plan, rule, sharesHold, available, probe);
      }
    }
    String unit = unit(call, plan);
    if (unit == null) {
      // Without its key a request cannot stay with its kin: it is served, not judged.
      return leftOut(champion, Why.NO_KEY);
    }
    Band heldOut = selection.heldOut();
    if (heldOut != null && heldOut.contains(unit)) {
      return leftOut(champion, Why.HELD_OUT);
    }
    Band eligible = selection.eligible();
    if (eligible != null && !eligible.contains(unit)) {
      return leftOut(champion, Why.NOT_ELIGIBLE);
    }
    return split(plan, unit, sharesHold, available, probe);
  }

  /** What a call is split by, or null when it does not have it. */
  static @Nullable String unit(InferCall call, ModelPlan plan) {
    return plan.byKey() ? call.header(plan.route().getKeyMetadata()) : call.predictionId();
  }

  private static Assignment split(
      ModelPlan plan,
      String unit,
      boolean sharesHold,
      Predicate<ArmPlan> available,
      Predicate<ArmPlan> probe) {
    ArmPlan champion = plan.champion();
    ArmPlan canary = plan.canary();
    ArmPlan control = plan.control();
    int canaryShare = sharesHold && canary != null ? plan.route().getCanaryWeightBp() : 0;
    int controlShare = sharesHold && control != null ? plan.route().getControlWeightBp() : 0;
    Share share = plan.split().share(plan.split().point(unit), canaryShare, controlShare);
    int canaryBp = canaryShare > 0 && available.test(canary) ? canaryShare : 0;
    int controlBp = controlShare > 0 && available.test(control) ? controlShare : 0;
    ArmPlan arm =
        switch (share) {
          case CANARY -> canary == null ? champion : canary;
          case CONTROL -> control == null ? champion : control;
          case CHAMPION -> champion;
        };
    Role role = arm.role();
    if ((role == Role.CANARY && canaryBp == 0) || (role == Role.CONTROL && controlBp == 0)) {
      return probe.test(arm)
          ? new Assignment(
              arm, canaryBp, controlBp, false, false, true, Why.TRIES_AGAIN, Rules.NONE)
          : new Assignment(
              champion,
              canaryBp,
              controlBp,
              true,
              sharesHold,
              false,
              Why.ARM_LEFT_ALONE,
              Rules.NONE);
    }
    boolean champions = role == Role.CHAMPION;
    return new Assignment(
        arm, canaryBp, controlBp, true, champions && sharesHold, !champions, Why.SPLIT, Rules.NONE);
  }

  /** The arm that a rule names; the champion, flagged, where it cannot be asked. */
  private static Assignment byRule(
      InferCall call,
      ModelPlan plan,
      int rule,
      boolean sharesHold,
      Predicate<ArmPlan> available,
      Predicate<ArmPlan> probe) {
    Selection.Target target = plan.selection().targets().get(rule);
    ArmPlan arm = target.arm();
    if (arm != null && arm.role() == Role.CHAMPION) {
      return new Assignment(arm, 0, 0, false, false, false, Why.RULE, rule);
    }
    if (arm != null && sharesHold && (available.test(arm) || probe.test(arm))) {
      return new Assignment(arm, 0, 0, false, false, true, Why.RULE, rule);
    }
    call.notes().flag(target.flag());
    return new Assignment(plan.champion(), 0, 0, false, false, false, Why.RULE_WITHOUT_ARM, rule);
  }

  private static Assignment leftOut(ArmPlan arm, Why why) {
    return new Assignment(arm, 0, 0, false, false, false, why, Rules.NONE);
  }

  private static ArmPlan byHeader(
      InferCall call, ModelPlan plan, String wanted, boolean sharesHold) {
    if (!call.principal().tester()) {
      throw Refusals.noTester(call.clientId(), call.principal().name());
    }
    ArmPlan arm = plan.answering(wanted);
    if (arm == null || (arm.role() != Role.CHAMPION && !sharesHold)) {
      throw Refusals.noSuchArm(call.clientId(), call.model(), wanted);
    }
    return arm;
  }

  private static ArmPlan pinned(InferCall call, ModelPlan plan, boolean sharesHold) {
    if (!Tables.isInteger(call.version())) {
      throw Refusals.versionIsNoInteger(call.clientId(), call.version());
    }
    ArmPlan arm = plan.pinned(call.version());
    if (arm == null) {
      throw Refusals.unknownVersion(call.clientId(), call.model(), call.version());
    }
    if (arm.role() != Role.CHAMPION && !sharesHold) {
      throw Refusals.notReady(call.clientId(), call.model(), call.version());
    }
    return arm;
  }
}
