package dev.understudy.router.stack;

import dev.understudy.proto.v1.Role;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.split.Share;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.table.Tables;
import java.util.function.Predicate;

/**
 * Which arm a call belongs to, under which probabilities, and whether that counts.
 *
 * @param arm the arm that is asked first
 * @param canaryBp the canary's probability in force for this call
 * @param controlBp the control's
 * @param judged whether the call is evidence; otherwise it is counted as left out
 * @param copied whether the call may be mirrored: where shares are not in force, copies are not
 *     either, because both are the trial's
 * @param rescuable whether the champion may answer when the arm fails
 */
record Assignment(
    ArmPlan arm, int canaryBp, int controlBp, boolean judged, boolean copied, boolean rescuable) {
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
      return leftOut(champion);
    }
    String wanted = call.header(ARM_HEADER);
    if (wanted != null) {
      return leftOut(byHeader(call, plan, wanted, sharesHold));
    }
    if (!call.version().isEmpty()) {
      return leftOut(pinned(call, plan, sharesHold));
    }
    if (call.inSequence()) {
      return leftOut(champion);
    }
    ArmPlan canary = plan.canary();
    ArmPlan control = plan.control();
    int canaryShare = sharesHold && canary != null ? plan.route().getCanaryWeightBp() : 0;
    int controlShare = sharesHold && control != null ? plan.route().getControlWeightBp() : 0;
    String unit = call.predictionId();
    if (plan.byKey()) {
      String key = call.header(plan.route().getKeyMetadata());
      if (key == null) {
        // Without its key a request cannot stay with its kin: it is served, not judged.
        return leftOut(champion);
      }
      unit = key;
    }
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
          ? new Assignment(arm, canaryBp, controlBp, false, false, true)
          : new Assignment(champion, canaryBp, controlBp, true, sharesHold, false);
    }
    boolean champions = role == Role.CHAMPION;
    return new Assignment(arm, canaryBp, controlBp, true, champions && sharesHold, !champions);
  }

  private static Assignment leftOut(ArmPlan arm) {
    return new Assignment(arm, 0, 0, false, false, false);
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
