package dev.understudy.router.stack;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.time.TimeOrderedIds;
import dev.understudy.proto.contract.ContractCheck;
import dev.understudy.proto.contract.ContractFindings;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.tensor.MalformedMessageException;
import dev.understudy.proto.tensor.SignatureCheck;
import dev.understudy.proto.v1.AnswerAction;
import dev.understudy.proto.v1.AnswerContract;
import dev.understudy.proto.v1.AnswerRange;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.ExplainRouteRequest;
import dev.understudy.proto.v1.ExplainRouteResponse;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.RouteStep;
import dev.understudy.proto.v1.StepResult;
import dev.understudy.router.call.CallerRole;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.call.Explanation;
import dev.understudy.router.call.Headers;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.call.Notes;
import dev.understudy.router.call.Principal;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.hash.StableHash;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.table.Selection;
import dev.understudy.router.table.Snapshot;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Walks a call through the layers as {@link CallLife} and {@link Flight} would, and stops before
 * the backend. Each layer decides by the code that decides about live calls and adds its word to an
 * {@link Explanation}; nothing is taken from a quota or a breaker, counted, recorded or sent, but
 * for a credential that is not good, which counts like any other. What is told holds for the moment
 * of the question. Any thread.
 */
final class DryRun {
  private static final double PERCENT = 100.0;

  private final CallLife life;
  private final TimeOrderedIds ids;

  DryRun(CallLife life, TimeOrderedIds ids) {
    this.life = life;
    this.ids = ids;
  }

  /** What would happen to a request. */
  ExplainRouteResponse explain(ExplainRouteRequest asked) {
    Explanation told = new Explanation();
    Snapshot snapshot = life.keeper.current();
    ExplainRouteResponse.Builder answer =
        ExplainRouteResponse.newBuilder()
            .setRevision(snapshot.table().getRevision())
            .setEpoch(snapshot.table().getEpoch());
    try {
      walk(asked, snapshot, told, answer);
    } catch (Fault beyond) {
      // Layers below the one that refused have nothing to go by.
      if (told.refusal() == null) {
        told.refuses("router", beyond);
      }
    }
    Fault refusal = told.refusal();
    if (refusal == null) {
      answer.setForwarded(true);
    } else {
      answer
          .setCode(refusal.code().name())
          .setReason(refusal.reason())
          .setMessage(String.valueOf(refusal.getMessage()))
          .setJudged(false)
          .setMirrored(false);
    }
    told.steps().forEach(step -> answer.addSteps(step(step)));
    return answer.build();
  }

  private static RouteStep step(Explanation.Step step) {
    return RouteStep.newBuilder()
        .setLayer(step.layer())
        .setResult(
            switch (step.result()) {
              case PASSES -> StepResult.STEP_PASSES;
              case REFUSES -> StepResult.STEP_REFUSES;
              case NOT_ASKED -> StepResult.STEP_NOT_ASKED;
            })
        .setText(step.text())
        .putAllFacts(step.facts())
        .build();
  }

  private void walk(
      ExplainRouteRequest asked,
      Snapshot snapshot,
      Explanation told,
      ExplainRouteResponse.Builder answer) {
    Map<String, String> headers = new HashMap<>();
    asked
        .getHeadersMap()
        .forEach((name, value) -> headers.put(name.toLowerCase(Locale.ROOT), value));
    Principal principal = who(asked, headers::get, told);
    scope(asked, principal, told);
    long now = life.time.nanoTime();
    long millis = asked.getTimeoutMs();
    long deadline =
        millis <= 0 || millis > Long.MAX_VALUE / 2_000_000
            ? Long.MAX_VALUE
            : now + millis * 1_000_000;
    ModelPlan plan = snapshot.plan(asked.getModel());
    byte[] body = body(asked, plan, told);
    Criticality criticality = life.admission.classOf(principal, headers::get);
    life.admission.explain(
        principal, criticality, asked.getModel(), deadline, body.length, now, told);
    InferCall call = call(asked, principal, headers::get, body, now, deadline, told);
    answer.setPredictionId(call.predictionId());
    if (plan == null) {
      told.refuses("model", Refusals.unknownModel(call.clientId(), call.model()));
      return;
    }
    fits(call, snapshot, plan, asked.hasRequest() || asked.getRows() > 0, told);
    Fault tooShort =
        life.admission.tooShort(call.clientId(), call.model(), call.remainingNanos(now), now);
    if (tooShort != null) {
      told.refuses("limits", tooShort);
    }
    ContractCheck contract = plan.contract();
    if (contract != null) {
      call = keeps(call, contract, asked.hasRequest(), told);
    }
    Assignment assigned = assign(call, plan, snapshot, now, told);
    answer
        .setArm(assigned.arm().arm().getName())
        .setVersion(assigned.arm().version())
        .setRole(assigned.arm().role())
        .setJudged(assigned.judged() && !plan.route().getRolloutId().isEmpty())
        .addAllFlags(call.notes().flags());
    life.upstream.explain(assigned.arm(), told);
    time(call, plan, assigned, now, told);
    answer.setMirrored(life.mirror.explain(call, plan, assigned.copied(), told));
    told.passes("guard", guard(plan, call.principal().name()));
  }

  private static String guard(ModelPlan plan, String principal) {
    if (plan.passesThrough()) {
      return "answers of a model that passes through are not looked at";
    }
    DataContract contract = plan.route().getContract();
    AnswerContract answers = contract.getAnswers();
    String output = contract.getDecision().getOutput();
    StringBuilder text = new StringBuilder("an answer with NaN or an infinity in ");
    text.append(output.isEmpty() ? "any floating-point output" : "output '" + output + "'");
    for (AnswerRange range : answers.getRangesList()) {
      text.append(", or outside of what the contract says of output '")
          .append(range.getOutput())
          .append('\'');
    }
    text.append(" would be refused");
    if (answers.hasConfidence()) {
      text.append("; below a confidence of ")
          .append(answers.getConfidence().getBelow())
          .append(doubted(answers.getConfidence().getAction()));
    }
    if (answers.hasDisagree()) {
      text.append("; farther than ")
          .append(answers.getDisagree().getAbove())
          .append(" from the benchmark's")
          .append(doubted(answers.getDisagree().getAction()));
    }
    if (plan.guard().coarsens(principal)) {
      text.append("; this caller gets coarsened answers");
    }
    return text.toString();
  }

  private static String doubted(AnswerAction action) {
    return switch (action) {
      case ANSWER_FALLBACK -> " the champion's would be given";
      case ANSWER_BENCHMARK -> " the benchmark's would be given";
      case ANSWER_REFUSE -> " it would be refused";
      case ANSWER_REVIEW, ANSWER_ACTION_UNSPECIFIED, UNRECOGNIZED ->
          " it would be given, for review";
    };
  }

  /** Before anybody looks for the model: whoever may not use it is not told whether it is there. */
  private static void scope(ExplainRouteRequest asked, Principal principal, Explanation told) {
    Fault refusal = null;
    if (!principal.grant().infer()) {
      refusal = Refusals.noRole(principal.name(), CallerRole.INFER.word());
    } else if (!principal.grant().models().contains(asked.getModel())) {
      refusal = Refusals.notInScope(asked.getRequest().getId(), principal.name(), asked.getModel());
    }
    if (refusal != null) {
      told.refuses("scope", refusal);
      throw refusal;
    }
  }

  /** The call to go on with, as {@code DataContracts} would have it; counts nothing. */
  private static InferCall keeps(
      InferCall call, ContractCheck contract, boolean hasRequest, Explanation told) {
    if (!hasRequest) {
      told.notAsked("contract", "no request was given");
      return call;
    }
    if (told.refusal() != null) {
      told.notAsked("contract", "the request is refused before");
      return call;
    }
    ContractFindings found = contract.check(call.body(), call.request(), call.arrivalUnixMs());
    if (found == null) {
      told.passes("contract", "is kept");
      return call;
    }
    if (found.refused() > 0) {
      told.refuses("contract", Refusals.brokenContract(call.clientId(), call.model(), found));
      return call;
    }
    found.flags().forEach(call.notes()::flag);
    told.passes("contract", "flags the call: " + String.join(", ", found.flags()));
    byte[] changed = found.changed();
    return changed == null
        ? call
        : call.with(InferRequestView.parse(ByteBuffer.wrap(changed)), changed);
  }

  private Principal who(ExplainRouteRequest asked, Headers headers, Explanation told) {
    try {
      Principal principal =
          asked.getPrincipal().isEmpty()
              ? life.authenticator.authenticate(headers)
              : life.authenticator.named(asked.getPrincipal());
      told.passes(
              "who",
              "principal '"
                  + principal.name()
                  + "'"
                  + (principal.tester() ? ", who may choose an arm" : "")
                  + (asked.getPrincipal().isEmpty() ? "" : " (taken as told, without a key)"))
          .fact("principal", principal.name())
          .fact("tester", principal.tester());
      return principal;
    } catch (Fault refusal) {
      told.refuses(
          "who", refusal, asked.getPrincipal().isEmpty() ? " (counted like any other)" : "");
      throw refusal;
    }
  }

  private static byte[] body(
      ExplainRouteRequest asked, @Nullable ModelPlan plan, Explanation told) {
    ModelInferRequest request = asked.getRequest();
    SignatureCheck signature = plan == null ? null : plan.signature();
    if (!asked.hasRequest() && asked.getRows() != 0 && signature != null) {
      try {
        request = ZeroRequest.of(signature.signature(), asked.getRows());
      } catch (IllegalArgumentException | ArithmeticException e) {
        Fault refusal = Refusals.invalid("", String.valueOf(e.getMessage()));
        told.refuses("message", refusal);
        throw refusal;
      }
    }
    return request.toBuilder().setModelName(asked.getModel()).build().toByteArray();
  }

  private InferCall call(
      ExplainRouteRequest asked,
      Principal principal,
      Headers headers,
      byte[] body,
      long now,
      long deadline,
      Explanation told) {
    String id = asked.getPredictionId();
    try {
      InferRequestView view = InferRequestView.parse(ByteBuffer.wrap(body));
      return new InferCall(
          id.isEmpty() ? ids.next() : id,
          principal,
          headers,
          view,
          body,
          view.modelName(),
          view.modelVersion(),
          view.id(),
          now,
          now,
          life.time.wallMillis(),
          deadline,
          life.admission.classOf(principal, headers),
          new Notes());
    } catch (MalformedMessageException e) {
      Fault refusal = Refusals.malformed(String.valueOf(e.getMessage()));
      told.refuses("message", refusal);
      throw refusal;
    }
  }

  private static void fits(
      InferCall call, Snapshot snapshot, ModelPlan plan, boolean hasRequest, Explanation told) {
    if (!hasRequest) {
      if (plan.signature() == null && !plan.passesThrough()) {
        told.refuses(
            "signature",
            Refusals.notReady(call.clientId(), call.model(), plan.champion().version()));
      } else {
        told.notAsked("signature", "no request was given");
      }
      return;
    }
    try {
      SignatureCheck signature = CallLife.plan(call, snapshot).signature();
      told.passes("signature", "fits version " + plan.champion().version())
          .fact("rows", signature == null ? 0 : signature.batchSize(call.request()));
    } catch (Fault refusal) {
      told.refuses("signature", refusal);
    }
  }

  private Assignment assign(
      InferCall call, ModelPlan plan, Snapshot snapshot, long now, Explanation told) {
    boolean sharesHold = snapshot.sharesHold(plan, now);
    Assignment assigned;
    try {
      assigned = Assignment.of(call, plan, sharesHold, life.upstream::available, arm -> false);
    } catch (Fault refusal) {
      told.refuses("split", refusal);
      throw refusal;
    }
    String arm = "arm '" + assigned.arm().arm().getName() + "'";
    switch (assigned.why()) {
      case PASS_THROUGH ->
          told.passes("split", "no table lists the model: it passes through; no evidence");
      case CHOSEN ->
          told.passes("split", arm + ": chosen by the header x-understudy-arm; no evidence");
      case PINNED ->
          told.passes(
              "split",
              arm + ": has version " + call.version() + ", which was asked for; no evidence");
      case SEQUENCE -> told.passes("split", arm + ": sequences go to the champion; no evidence");
      case RULE, RULE_WITHOUT_ARM -> byRule(plan, assigned, sharesHold, told);
      case NO_KEY, HELD_OUT, NOT_ELIGIBLE, SPLIT, ARM_LEFT_ALONE, TRIES_AGAIN -> {
        Selection selection = plan.selection();
        if (selection.rules() != null) {
          told.passes("rules", "none of " + selection.targets().size() + " matches")
              .fact("rules", selection.targets().size());
        }
        byUnit(call, plan, assigned, told);
        if (assigned.judged()) {
          split(call, plan, assigned, whyNotInForce(plan, snapshot, sharesHold, now), told);
        }
      }
    }
    return assigned;
  }

  private static void byRule(
      ModelPlan plan, Assignment assigned, boolean sharesHold, Explanation told) {
    Selection.Target target = plan.selection().targets().get(assigned.rule());
    String text = "rule '" + target.rule() + "' matches first: arm '" + target.wanted() + "'";
    if (assigned.why() == Assignment.Why.RULE_WITHOUT_ARM) {
      text +=
          target.arm() == null
              ? ", which the table does not have at present: the champion, flagged"
              : !sharesHold
                  ? ", which is not in force: the champion, flagged"
                  : ", whose backends are left alone: the champion, flagged";
    }
    told.passes("rules", text + "; no evidence")
        .fact("rule", target.rule())
        .fact("arm", assigned.arm().arm().getName());
  }

  private static void byUnit(
      InferCall call, ModelPlan plan, Assignment assigned, Explanation told) {
    String unit = Assignment.unit(call, plan);
    if (unit == null) {
      told.passes(
          "split",
          "arm 'champion': the header "
              + plan.route().getKeyMetadata()
              + ", by which calls are split, is missing; no evidence");
      return;
    }
    Selection selection = plan.selection();
    ModelRoute route = plan.route();
    if (selection.heldOut() != null) {
      double point = selection.heldOut().point(unit);
      boolean held = assigned.why() == Assignment.Why.HELD_OUT;
      told.passes(
              "hold-out",
              String.format(
                  Locale.ROOT,
                  "%s: point %.4f, the first %.2f %% of '%s' stay with the champion%s",
                  held ? "held out" : "not held out",
                  point,
                  route.getHoldout().getShareBp() / PERCENT,
                  route.getHoldout().getSalt(),
                  held ? "; no evidence" : ""))
          .fact("point", point)
          .fact("held_out", held);
      if (held) {
        return;
      }
    }
    if (selection.eligible() != null) {
      double point = selection.eligible().point(unit);
      boolean outside = assigned.why() == Assignment.Why.NOT_ELIGIBLE;
      told.passes(
              "layer",
              String.format(
                  Locale.ROOT,
                  "%s: point %.4f of layer '%s', this experiment has %.2f %% to %.2f %%%s",
                  outside ? "another experiment's" : "takes part",
                  point,
                  route.getEligibility().getLayer(),
                  route.getEligibility().getFromBp() / PERCENT,
                  route.getEligibility().getToBp() / PERCENT,
                  outside ? ": the champion; no evidence" : ""))
          .fact("point", point)
          .fact("eligible", !outside);
    }
  }

  private static void split(
      InferCall call, ModelPlan plan, Assignment assigned, String notInForce, Explanation told) {
    String unit = Assignment.unit(call, plan);
    double point = StableHash.unit(plan.split().point(unit == null ? "" : unit));
    String text =
        String.format(
            Locale.ROOT,
            "arm '%s': point %.4f by %s; canary %.2f %% from the bottom, control %.2f %% from the"
                + " top, the champion has the rest",
            assigned.arm().arm().getName(),
            point,
            plan.byKey() ? plan.route().getKeyMetadata() : "prediction id",
            assigned.canaryBp() / PERCENT,
            assigned.controlBp() / PERCENT);
    if (!notInForce.isEmpty()) {
      text += "; shares are not in force: " + notInForce;
    } else if (assigned.why() == Assignment.Why.ARM_LEFT_ALONE) {
      text += "; the arm of this point has no backend in use, though now and then a call tries it";
    }
    if (plan.route().getRolloutId().isEmpty()) {
      text += "; no rollout is under way";
    }
    told.passes("split", text)
        .fact("arm", assigned.arm().arm().getName())
        .fact("point", point)
        .fact("canary_bp", assigned.canaryBp())
        .fact("control_bp", assigned.controlBp());
  }

  private static String whyNotInForce(
      ModelPlan plan, Snapshot snapshot, boolean sharesHold, long now) {
    if (sharesHold) {
      return "";
    }
    if (!snapshot.confirmed()) {
      return "the table is from disk, and no controller has confirmed it";
    }
    return snapshot.championOnly().contains(plan.model())
        ? "the model is held champion-only at this router"
        : snapshot.leaseExpired(now) ? "the lease is over" : "the table says so";
  }

  private void time(
      InferCall call, ModelPlan plan, Assignment assigned, long now, Explanation told) {
    long remaining = call.remainingNanos(now);
    long whole = life.settings.tryNanos(plan);
    long first =
        assigned.rescuable() && remaining != Long.MAX_VALUE
            ? Math.min(whole, Math.max(1, remaining / 2))
            : Math.min(whole, life.settings.usableNanos(remaining));
    told.passes(
            "deadline",
            (remaining == Long.MAX_VALUE
                    ? "the caller sets none"
                    : remaining / 1_000_000 + " ms are left")
                + "; the first attempt has "
                + first / 1_000_000
                + " ms"
                + (assigned.rescuable() ? ", then the champion may answer" : ""))
        .fact("attempt_ms", first / 1_000_000);
  }
}
