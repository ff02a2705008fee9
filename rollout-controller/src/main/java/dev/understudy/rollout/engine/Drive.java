package dev.understudy.rollout.engine;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.v1.DecisionRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.ModelSignature;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.rollout.fleet.FleetException;
import dev.understudy.rollout.fleet.Fleets;
import dev.understudy.rollout.fleet.Holdings;
import dev.understudy.rollout.plan.Plans;
import dev.understudy.rollout.policy.Action;
import dev.understudy.rollout.policy.Observed;
import dev.understudy.rollout.policy.Phases;
import dev.understudy.rollout.policy.Reasons;
import dev.understudy.rollout.policy.RolloutPolicy;
import dev.understudy.rollout.policy.RolloutState;
import dev.understudy.rollout.policy.Steps;
import dev.understudy.rollout.routing.ModelConfig;
import dev.understudy.rollout.routing.Signatures;
import dev.understudy.rollout.store.Change;
import dev.understudy.rollout.store.StoreException;
import dev.understudy.rollout.store.StoredRollout;
import io.grpc.Status;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Drives one rollout while it is in flight.
 *
 * <p>How it survives being killed. A transition is first kept, in one transaction with its decision
 * and its audit record, and only then acted upon. What there is to do follows from the phase alone
 * ({@link #enter}), and doing it again does no harm: a table is sent once more, a version that is
 * ready is not loaded again, the judge is given the same spec. So a controller that finds a rollout
 * in a phase simply enters that phase.
 *
 * <p>When a transition cannot be kept, the rollout stays in its phase and decides again at the next
 * look. Only a stop does not wait: it is in force at the routers at once ({@link Keeping}) and is
 * owed to the store until it is kept.
 *
 * <p>Answers of model servers arrive later, perhaps when the rollout has moved on; each carries the
 * number of the turn in which it was asked for and is ignored in any other.
 *
 * <p>For the engine's thread only.
 */
final class Drive {
  private static final long RETRY_MILLIS = 2_000;

  private final Core core;
  private final ModelConfig config;
  private StoredRollout rollout;
  private @Nullable EvidenceReport report;
  private long heardMillis;
  private String waitingFor = "";
  private String notes = "";
  private Judge.@Nullable Feed feed;
  private boolean serversReady;
  private @Nullable Runnable owed;
  private @Nullable String retained;
  private long routersBackMillis = Long.MIN_VALUE;
  private boolean saidWhoIsAwaited;
  private boolean watchAsked;
  // The newest record that was known when the judge was asked: what it says of a watch is of this
  // one only later.
  private long watchAskedAfter;
  private boolean watched;
  private String watchTrouble = "";
  private long turn;
  private long retryAtMillis = Long.MAX_VALUE;

  Drive(Core core, StoredRollout rollout) {
    this.core = core;
    this.config = core.config(rollout.model());
    this.rollout = rollout;
    this.heardMillis = core.time().wallMillis();
    // What an earlier attempt ended with is not what this one begins with.
    this.report =
        rollout.state().phase() == Phase.PENDING ? null : core.store().report(rollout.id());
  }

  StoredRollout rollout() {
    return rollout;
  }

  boolean hasEnded() {
    return rollout.endedMillis() != 0;
  }

  /** Whether nothing is left to do, not even to unload what no router needs any more. */
  boolean isDone() {
    return hasEnded() && retained == null;
  }

  /** The controller has just begun: until then routers that are served may not be back. */
  void routersBackAt(long millis) {
    routersBackMillis = millis;
  }

  RolloutStatus status() {
    RolloutStatus kept = Statuses.of(core.store(), rollout, report, waitingFor);
    String trouble = core.keeping().trouble();
    StoredRollout takenOut = core.keeping().takenOut(config.name());
    if (takenOut != null) {
      return kept.toBuilder()
          .setHeadline(Headlines.takenOut(takenOut))
          .setCanaryWeightBp(0)
          .setMirrorBp(0)
          .build();
    }
    return trouble == null || hasEnded()
        ? kept
        : kept.toBuilder().setHeadline(Headlines.notKept(kept.getHeadline(), trouble)).build();
  }

  /** Begins, or after a restart begins again, what the phase asks for. */
  void enter() {
    long mine = ++turn;
    retryAtMillis = Long.MAX_VALUE;
    RolloutState state = rollout.state();
    switch (state.phase()) {
      case PENDING -> {
        serversReady = false;
        follow();
        prepareTrial(mine);
      }
      case SHADOWING, PROGRESSING, WATCHING -> follow();
      case PAUSED -> {
        if (state.resume() != Phase.PENDING) {
          follow();
        }
      }
      case PROMOTING -> {
        follow();
        loadNextChampion(mine);
      }
      case ABORTING -> {
        if (state.undoLoads()) {
          loadFormerChampion(mine);
        } else {
          look();
        }
      }
      case HEALTHY, DEGRADED, PHASE_UNSPECIFIED, UNRECOGNIZED -> close();
    }
  }

  /** Stops listening; the rollout stays as it is. */
  void close() {
    turn++;
    if (feed != null) {
      feed.close();
      feed = null;
    }
  }

  /** The champion's servers have said what it takes; a rollout may have waited for that. */
  void described() {
    if (rollout.state().phase() == Phase.PENDING && retryAtMillis != Long.MAX_VALUE) {
      enter();
    }
  }

  /** Looks whether something is to be decided now. */
  void look() {
    if (owed != null) {
      owed.run();
      return;
    }
    long now = core.time().wallMillis();
    if (hasEnded()) {
      unloadWhenUnused(now);
      return;
    }
    if (now >= retryAtMillis) {
      enter();
      return;
    }
    if (rollout.state().phase() == Phase.ABORTING) {
      endAbort(now);
      return;
    }
    if (rollout.state().phase() == Phase.WATCHING) {
      beginWatch(now);
    }
    var observed = new Observed(ofThisWatch(), heardMillis, core.hub().unacknowledgedBlocks());
    Action action = core.policy().decide(rollout.state(), observed, now, rollout.plan());
    act(action, now);
  }

  private void act(Action action, long now) {
    switch (action) {
      case Action.Hold hold -> {
        if (rollout.state().phase() != Phase.PENDING) {
          waitingFor = hold.waitingFor() + watchTrouble;
        }
      }
      case Action.Advance advance -> toStep(advance.step(), Core.CONTROLLER, advance.why());
      case Action.Promote promote ->
          toStep(rollout.plan().getStepsCount(), Core.CONTROLLER, promote.why());
      case Action.Pause pause ->
          commit(
              rollout.state().paused(pause.reason(), pause.detail(), now),
              "rollout.pause",
              Core.CONTROLLER,
              pause.reason() + ": " + pause.detail());
      case Action.Continue more ->
          commit(rollout.state().resumed(now), "rollout.resume", Core.CONTROLLER, more.why());
      case Action.Abort abort -> abort(Reasons.ABORTED, Core.CONTROLLER, abort.detail());
      case Action.EndDrill end -> endDrill(end.reason(), Core.CONTROLLER, end.why());
      case Action.Undo undo -> undo(Core.CONTROLLER, undo.detail());
      case Action.FinishWatching _ -> {
        commit(
            rollout.state().to(Phase.HEALTHY, "", "", now),
            "rollout.healthy",
            Core.CONTROLLER,
            "the watch over the new champion ended");
        core.judge().stop(rollout.id());
        retained = rollout.challengerVersion();
        unloadWhenUnused(now);
      }
    }
  }

  // What the engine's commands ask for, already allowed.

  /** Enters a step; beyond the last one the challenger is promoted, or a drill ends. */
  void toStep(int step, String actor, String why) {
    if (rollout.isDrill() && step >= rollout.plan().getStepsCount()) {
      endDrill(Reasons.DRILL_ENDED, actor, why);
      return;
    }
    long now = core.time().wallMillis();
    Phase phase = Steps.phaseOf(rollout.plan(), step);
    RolloutState next =
        phase == Phase.PROMOTING
            ? rollout.state().to(Phase.PROMOTING, "", "", now)
            : rollout
                .state()
                .atStep(phase, step, RolloutPolicy.samples(rollout.plan(), step, report), now);
    commit(next, phase == Phase.PROMOTING ? "rollout.promote" : "rollout.step", actor, why);
  }

  /** Promotes whatever the evidence says. */
  void promoteFully(String actor, String why) {
    long now = core.time().wallMillis();
    RolloutState state = rollout.state();
    if (RolloutPolicy.against(report, rollout.plan()) != null) {
      state = state.withOverride();
    }
    commit(state.to(Phase.PROMOTING, "", "", now), "rollout.promote", actor, why);
  }

  void pause(String actor, String why) {
    commit(
        rollout.state().paused(Reasons.BY_HAND, why, core.time().wallMillis()),
        "rollout.pause",
        actor,
        why);
  }

  void resume(String actor, String why) {
    commit(rollout.state().resumed(core.time().wallMillis()), "rollout.resume", actor, why);
  }

  /** All traffic to the champion, before the challenger was promoted. */
  void abort(String reason, String actor, String detail) {
    RolloutState next =
        rollout.state().to(Phase.ABORTING, reason, detail, core.time().wallMillis());
    stop(next, () -> commit(next, "rollout.abort", actor, detail));
  }

  /** Takes the canary of a drill out; nothing else has changed. */
  private void endDrill(String reason, String actor, String why) {
    RolloutState next = rollout.state().to(Phase.ABORTING, reason, why, core.time().wallMillis());
    stop(next, () -> commit(next, "rollout.drill-end", actor, why));
  }

  /** Back to the champion before the promotion; its servers still hold it while it is watched. */
  void undo(String actor, String detail) {
    long now = core.time().wallMillis();
    boolean held = rollout.state().phase() == Phase.WATCHING;
    RolloutState next =
        rollout.state().to(Phase.ABORTING, Reasons.UNDONE, detail, now).withPromoted(!held, !held);
    Runnable kept =
        () -> commit(next, "rollout.undo", actor, detail, held ? this::formerChampion : tx -> {});
    if (held) {
      stop(next, kept);
    } else {
      // The champion's servers do not hold the former one: there is nothing to take out yet.
      kept.run();
    }
  }

  /** Keeps a stop; if that fails, brings it about all the same, and the next looks try again. */
  private void stop(RolloutState next, Runnable keep) {
    Runnable first = owed == null ? keep : owed;
    try {
      first.run();
    } catch (StoreException e) {
      if (rollout.state().phase() == Phase.ABORTING) {
        return; // The stop was kept; only its end was not.
      }
      owed = first;
      if (core.keeping().takeOut(rollout.with(next, rollout.decisionRevision(), 0))) {
        core.publish();
        core.watchers().tell(status());
      }
    }
  }

  /** Whether a stop is in force that could not be kept yet. */
  boolean owesStop() {
    return owed != null;
  }

  // Effects.

  private void follow() {
    if (feed != null) {
      return;
    }
    heardMillis = core.time().wallMillis();
    feed =
        core.judge()
            .follow(
                rollout.spec(),
                new Judge.Listener() {
                  @Override
                  public void onStarted() {
                    core.turns().post(Drive.this::judgeStarted);
                  }

                  @Override
                  public void onReport(EvidenceReport next) {
                    core.turns().post(() -> again(() -> heard(next)));
                  }

                  @Override
                  public void onRefused(String why) {
                    core.turns().post(() -> again(() -> judgeRefused(why)));
                  }

                  @Override
                  public void onWatching() {
                    core.turns().post(() -> again(() -> watchAnswered("")));
                  }

                  @Override
                  public void onWatchRefused(String why) {
                    core.turns().post(() -> again(() -> watchAnswered(why)));
                  }
                });
  }

  private void judgeStarted() {
    heardMillis = core.time().wallMillis();
  }

  private void judgeRefused(String why) {
    if (rollout.state().phase() == Phase.PENDING) {
      close();
      fail(Reasons.EVALUATION_REFUSED, why);
    }
  }

  /**
   * Has the judge compare the new champion with the former one, once every router serves by the
   * table that lets both answer. Asked again after a restart, in the same words, it is one watch.
   */
  private void beginWatch(long now) {
    RolloutState state = rollout.state();
    if (watchAsked || feed == null || Steps.keptBp(rollout.plan(), state) == 0) {
      return;
    }
    OptionalLong applied = core.hub().appliedByAll(core.store().epoch());
    boolean leaseOver = now - state.phaseSinceMillis() >= core.lease().toMillis();
    if (leaseOver || (applied.isPresent() && applied.getAsLong() >= rollout.decisionRevision())) {
      watchAsked = true;
      watchAskedAfter = report == null ? 0 : report.getLogSequence();
      feed.watch(Plans.watch(rollout.plan(), state.phaseSinceMillis()));
    }
  }

  /** What the judge said to the watch; empty when it has begun. */
  private void watchAnswered(String refusal) {
    if (rollout.state().phase() != Phase.WATCHING || (watched && refusal.isEmpty())) {
      return;
    }
    watched = refusal.isEmpty();
    watchTrouble = watched ? "" : "; nothing is compared: " + refusal;
    long now = core.time().wallMillis();
    core.keeping()
        .change(tx ->
            tx.audit(
                now,
                Core.CONTROLLER,
                "rollout.watch",
                config.name(),
                rollout.id(),
                watched
                    ? "compared with version " + rollout.championVersion()
                    : "nothing is compared: " + refusal));
    look();
  }

  /** The report, without what it says of a watch before this one. */
  private @Nullable EvidenceReport ofThisWatch() {
    return report == null
            || !report.hasWatch()
            || (watched && report.getLogSequence() > watchAskedAfter)
        ? report
        : report.toBuilder().clearWatch().build();
  }

  private void heard(EvidenceReport next) {
    if (hasEnded() || !next.getRolloutId().equals(rollout.id())) {
      return;
    }
    // A judge that knows less than before is reading its log back, or has lost it. Neither is
    // evidence: if it does not catch up, the rollout pauses for stale evidence.
    if (report == null || next.getLogSequence() >= report.getLogSequence()) {
      report = next;
      heardMillis = core.time().wallMillis();
    }
    look();
    beginWhenReady();
    if (core.watchers().watched(rollout.id())) {
      core.watchers().tell(status());
    }
  }

  private void prepareTrial(long mine) {
    waitingFor = "the challenger's servers load it";
    String challenger = rollout.challengerVersion();
    CompletableFuture<Fleets.Done> prepared =
        prepareAndVerify(Holdings.forTrial(config, rollout.championVersion(), challenger));
    inTurn(
        mine,
        prepared.thenCombine(
            prepared.thenCompose(done ->
                core.fleets().signature(config.challengerFleet(), config.name(), challenger)),
            Prepared::new),
        ready -> {
          remember(ready.done);
          ModelSignature champion =
              core.store().signature(config.name(), rollout.championVersion());
          String mismatch =
              champion == null ? null : Signatures.mismatch(champion, ready.signature);
          if (champion == null) {
            waitingFor = "the champion's servers to say what it takes";
            retryAtMillis = core.time().wallMillis() + RETRY_MILLIS;
          } else if (mismatch != null) {
            fail(Reasons.SIGNATURE_MISMATCH, mismatch);
          } else {
            serversReady = true;
            waitingFor = "the judge to accept what is to be judged";
            beginWhenReady();
          }
        },
        this::notPrepared);
  }

  /** No version gets traffic from a server that holds other files than those in the catalog. */
  private CompletableFuture<Fleets.Done> prepareAndVerify(List<Fleets.Holding> holdings) {
    Map<String, String> digests = new HashMap<>();
    for (Fleets.Holding holding : holdings) {
      digests.put(holding.awaited(), core.store().digest(config.name(), holding.awaited()));
    }
    return core.fleets()
        .prepare(config.name(), holdings)
        .thenCompose(done ->
            core.fleets().verify(config.name(), holdings, digests).thenApply(verified -> done));
  }

  private void notPrepared(Throwable failure) {
    fail(
        failure instanceof FleetException.WrongDigest
            ? Reasons.DIGEST_MISMATCH
            : Reasons.LOAD_FAILED,
        text(failure));
  }

  private record Prepared(Fleets.Done done, ModelSignature signature) {}

  /** The servers of a watch; the trouble is empty if they are ready. */
  private record Kept(Fleets.Done done, String trouble) {
    static final Kept NONE = new Kept(new Fleets.Done(List.of(), List.of()), "");
  }

  private void beginWhenReady() {
    if (rollout.state().phase() == Phase.PENDING && serversReady && report != null) {
      toStep(0, Core.CONTROLLER, "the challenger is ready" + beginning() + notes);
    }
  }

  private String beginning() {
    String detail = rollout.state().detail();
    return detail.isEmpty() ? "" : "; " + detail;
  }

  private void loadNextChampion(long mine) {
    waitingFor = "the champion's servers load the new version";
    String challenger = rollout.challengerVersion();
    CompletableFuture<Kept> kept = prepareWatch(challenger);
    CompletableFuture<Fleets.Done> prepared =
        prepareAndVerify(
            Holdings.forSwitch(config, rollout.championVersion(), challenger, challenger));
    inTurn(
        mine,
        prepared
            .thenCombine(
                prepared.thenCompose(done ->
                    core.fleets().signature(config.championFleet(), config.name(), challenger)),
                Prepared::new)
            .thenCombine(kept, Promoted::new),
        promoted -> {
          Prepared ready = promoted.ready;
          String nothingKept = promoted.kept.trouble;
          remember(ready.done.and(promoted.kept.done));
          long now = core.time().wallMillis();
          commit(
              rollout
                  .state()
                  .watching(RolloutPolicy.championBadRun(report, challenger), nothingKept, now),
              "rollout.promoted",
              Core.CONTROLLER,
              "version "
                  + challenger
                  + " is champion"
                  + (nothingKept.isEmpty() ? "" : "; nothing is compared: " + nothingKept)
                  + notes,
              tx -> {
                tx.signature(config.name(), challenger, ready.signature);
                alias(tx, "champion", challenger, now);
                alias(tx, "previous", rollout.championVersion(), now);
                alias(tx, "challenger", "", now);
              });
        },
        this::notPrepared);
  }

  private record Promoted(Prepared ready, Kept kept) {}

  /** A server that is only to be compared with must not keep a proved version from serving. */
  private CompletableFuture<Kept> prepareWatch(String challenger) {
    if (rollout.plan().getWatchKeptBp() == 0) {
      return CompletableFuture.completedFuture(Kept.NONE);
    }
    return prepareAndVerify(Holdings.forWatch(config, rollout.championVersion(), challenger))
        .handle((done, failure) ->
            failure == null ? new Kept(done, "") : new Kept(Kept.NONE.done, text(cause(failure))));
  }

  private void loadFormerChampion(long mine) {
    String former = rollout.championVersion();
    inTurn(
        mine,
        core.fleets()
            .prepare(
                config.name(),
                Holdings.forSwitch(config, former, rollout.challengerVersion(), former)),
        done -> {
          remember(done);
          commit(
              rollout.state().withPromoted(false, false),
              "rollout.undone",
              Core.CONTROLLER,
              "version " + former + " is champion again" + notes,
              this::formerChampion);
        },
        failure -> {
          waitingFor = text(failure);
          retryAtMillis = core.time().wallMillis() + RETRY_MILLIS;
          core.watchers().tell(status());
        });
  }

  private void endAbort(long now) {
    RolloutState state = rollout.state();
    if (state.undoLoads()) {
      return;
    }
    OptionalLong applied = core.hub().appliedByAll(core.store().epoch());
    boolean leaseOver = now - state.phaseSinceMillis() >= core.lease().toMillis();
    if (applied.isEmpty() || applied.getAsLong() >= rollout.decisionRevision() || leaseOver) {
      boolean undone = state.reason().equals(Reasons.UNDONE);
      Phase end = state.reason().equals(Reasons.DRILL_ENDED) ? Phase.HEALTHY : Phase.DEGRADED;
      commit(
          state.to(end, state.reason(), state.detail(), now),
          end == Phase.HEALTHY ? "rollout.healthy" : "rollout.degraded",
          Core.CONTROLLER,
          undone ? "the champion before it serves" : "the champion serves alone");
      core.judge().stop(rollout.id());
      if (undone) {
        retained = rollout.championVersion();
        unloadWhenUnused(now);
      }
    }
  }

  /**
   * Lets the champion's servers drop the other version, but not while a router may serve by a table
   * that names it. A router that lost the controller goes on with the champion that it knows, so
   * those that went away count too. Until all have the last table, both versions stay loaded.
   */
  private void unloadWhenUnused(long now) {
    String champion = retained;
    if (champion == null || now < routersBackMillis) {
      return;
    }
    OptionalLong applied = core.hub().appliedByRemembered(core.store().epoch());
    if (applied.isPresent() && applied.getAsLong() < rollout.decisionRevision()) {
      if (!saidWhoIsAwaited && now - rollout.endedMillis() >= core.lease().toMillis()) {
        saidWhoIsAwaited = true;
        remember(
            new Fleets.Done(
                List.of(),
                List.of(
                    "the champion's servers keep both versions: a router has not said that it"
                        + " serves by revision "
                        + rollout.decisionRevision())));
      }
      return;
    }
    retained = null;
    List<Fleets.Holding> holdings =
        Holdings.afterwards(config, champion, rollout.challengerVersion());
    var _ =
        core.fleets()
            .retain(config.name(), holdings)
            .thenAccept(done -> core.turns().post(() -> again(() -> remember(done))));
  }

  // Keeping.

  private void fail(String reason, String detail) {
    commit(
        rollout.state().paused(reason, detail, core.time().wallMillis()),
        "rollout.pause",
        Core.CONTROLLER,
        reason + ": " + detail);
  }

  private void commit(RolloutState next, String action, String actor, String why) {
    commit(next, action, actor, why, tx -> {});
  }

  private void commit(
      RolloutState next, String action, String actor, String why, Consumer<Change> more) {
    if (owed != null && next.phase() != Phase.ABORTING) {
      throw Fault.of(
          Status.Code.UNAVAILABLE,
          "NOT_STORED",
          "rollout " + rollout.id() + " is being taken out, which could not be stored yet");
    }
    if (rollout.isDrill() && next.phase() == Phase.PROMOTING) {
      throw new IllegalStateException("phase: PROMOTING (expected: a drill is never promoted)");
    }
    long now = core.time().wallMillis();
    core.keeping()
        .change(tx -> {
          long revision = core.keeping().nextRevision(tx);
          StoredRollout kept =
              rollout.with(next, revision, Phases.inFlight(next.phase()) ? 0 : now);
          tx.save(kept);
          if (next.phase() == Phase.DEGRADED) {
            alias(tx, "challenger", "", now);
          }
          more.accept(tx);
          tx.decide(kept.id(), decision(next, actor, why, revision, now));
          if (report != null) {
            tx.report(kept.id(), report);
          }
          tx.audit(now, actor, action, kept.model(), kept.id(), why);
          tx.audit(
              now,
              Core.CONTROLLER,
              "routing.publish",
              kept.model(),
              kept.id(),
              "epoch " + core.store().epoch() + " revision " + revision);
          rolloutAfter = kept;
        });
    rollout = Objects.requireNonNull(rolloutAfter);
    if (next.phase() == Phase.ABORTING) {
      owed = null;
      core.keeping().kept(rollout);
    }
    waitingFor = "";
    core.publish();
    core.watchers().tell(status());
    enter();
  }

  private @Nullable StoredRollout rolloutAfter;

  private DecisionRecord decision(
      RolloutState next, String actor, String why, long revision, long now) {
    boolean onTrial = Phases.onTrial(next.phase() == Phase.PAUSED ? next.resume() : next.phase());
    return DecisionRecord.newBuilder()
        .setUnixMs(now)
        .setPhase(next.phase())
        .setStep(next.step())
        .setCanaryWeightBp(onTrial ? Steps.canaryWeightBp(rollout.plan(), next.step()) : 0)
        .setActor(actor)
        .setReason(why)
        .setLogSequence(report == null ? 0 : report.getLogSequence())
        .setRoutingRevision(revision)
        .build();
  }

  private void formerChampion(Change tx) {
    long now = core.time().wallMillis();
    alias(tx, "champion", rollout.championVersion(), now);
    alias(tx, "previous", "", now);
  }

  private void alias(Change tx, String alias, String version, long now) {
    tx.alias(config.name(), alias, version, rollout.id(), now);
  }

  /**
   * Records the calls that were made to model servers; what is to be known goes into a decision.
   */
  private void remember(Fleets.Done done) {
    notes = done.notes().isEmpty() ? "" : "; " + String.join("; ", done.notes());
    if (!done.calls().isEmpty() || !done.notes().isEmpty()) {
      long now = core.time().wallMillis();
      core.keeping()
          .change(tx -> {
            for (String call : done.calls()) {
              tx.audit(now, Core.CONTROLLER, "fleet.load", config.name(), rollout.id(), call);
            }
            for (String note : done.notes()) {
              tx.audit(now, Core.CONTROLLER, "fleet.note", config.name(), rollout.id(), note);
            }
          });
    }
  }

  private <T> void inTurn(
      long mine, CompletableFuture<T> future, Consumer<T> then, Consumer<Throwable> otherwise) {
    var _ =
        future.whenComplete((value, failure) ->
            core.turns()
                .post(() -> {
                  if (turn != mine) {
                    return;
                  }
                  again(() -> {
                    if (failure == null) {
                      then.accept(value);
                    } else {
                      otherwise.accept(cause(failure));
                    }
                  });
                }));
  }

  private static Throwable cause(Throwable failure) {
    Throwable cause = failure.getCause();
    return failure instanceof CompletionException && cause != null ? cause : failure;
  }

  /** Handles an event; if its outcome cannot be kept, the phase is soon entered once more. */
  private void again(Runnable event) {
    try {
      event.run();
    } catch (StoreException e) {
      if (owed == null) {
        retryAtMillis = Math.min(retryAtMillis, core.time().wallMillis() + RETRY_MILLIS);
      }
      core.watchers().tell(status());
    }
  }

  private static String text(Throwable failure) {
    return failure.getMessage() == null ? failure.toString() : failure.getMessage();
  }
}
