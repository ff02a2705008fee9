package dev.understudy.router.table;

import dev.understudy.proto.contract.ContractCheck;
import dev.understudy.proto.tensor.Signature;
import dev.understudy.proto.tensor.SignatureCheck;
import dev.understudy.proto.v1.ControlLoss;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.router.guard.AnswerGuard;
import dev.understudy.router.slices.Disclosure;
import dev.understudy.router.split.Split;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * All that is done with the calls for one model. Immutable.
 *
 * @param route as the table has it
 * @param signature null until it has been learned from the champion
 * @param champion the arm that everything falls back to
 * @param canary null without one
 * @param control null without one
 * @param copies arms that get mirrored calls
 * @param selection who takes part in the split
 * @param split the split under the route's salt
 * @param disclosure what of a call may leave, by the route's contract
 * @param contract what the route's contract demands of requests; null when nothing
 * @param guard what it demands of answers
 * @param benchmark the arm that answers are held against, null without one
 * @param hidden for what passes through: names that must not, because a backend knows a listed
 *     model by them, and under its own name that one is guarded
 */
public record ModelPlan(
    ModelRoute route,
    @Nullable SignatureCheck signature,
    ArmPlan champion,
    @Nullable ArmPlan canary,
    @Nullable ArmPlan control,
    List<ArmPlan> copies,
    Selection selection,
    Split split,
    Disclosure disclosure,
    @Nullable ContractCheck contract,
    AnswerGuard guard,
    @Nullable ArmPlan benchmark,
    Set<String> hidden) {
  /** The model's name. */
  public String model() {
    return route.getModel();
  }

  /** Whether this stands for every model that is not listed: forwarded as it is, never judged. */
  public boolean passesThrough() {
    return route.getModel().isEmpty();
  }

  /** The model's name for people; whatever clients ask for beside the table has one name. */
  public String label() {
    return passesThrough() ? "*" : route.getModel();
  }

  /** Whether requests with one key stay together. */
  public boolean byKey() {
    return route.getUnit() == RandomisationUnit.KEY;
  }

  /** Whether shares hold when the controller is lost. */
  public boolean holds() {
    return route.getOnControlLoss() == ControlLoss.HOLD;
  }

  /** The arm that answers under a name, or null. */
  public @Nullable ArmPlan answering(String arm) {
    if (champion.arm().getName().equals(arm)) {
      return champion;
    }
    if (canary != null && canary.arm().getName().equals(arm)) {
      return canary;
    }
    return control != null && control.arm().getName().equals(arm) ? control : null;
  }

  /**
   * The arm that answers a client's pinned version, the champion first; or null. After a promotion
   * the version before may still answer as control.
   */
  public @Nullable ArmPlan pinned(String version) {
    for (ArmPlan arm : answering()) {
      if (arm.version().equals(version)) {
        return arm;
      }
    }
    return null;
  }

  /** The same plan with its signature. */
  public ModelPlan with(Signature learned) {
    return with(new SignatureCheck(learned));
  }

  /** The same plan with the signature that another plan of the same champion has. */
  public ModelPlan with(ModelPlan knowing) {
    return with(knowing.signature());
  }

  private ModelPlan with(@Nullable SignatureCheck known) {
    return new ModelPlan(
        route,
        known,
        champion,
        canary,
        control,
        copies,
        selection,
        split,
        disclosure,
        contract,
        guard,
        benchmark,
        hidden);
  }

  /** The arms that may answer. */
  public List<ArmPlan> answering() {
    List<ArmPlan> arms = new ArrayList<>();
    arms.add(champion);
    if (canary != null) {
      arms.add(canary);
    }
    if (control != null) {
      arms.add(control);
    }
    return arms;
  }
}
