package dev.understudy.rollout.engine;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.time.Cancellable;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeOrderedIds;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.v1.CatalogVersion;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.ModelSignature;
import dev.understudy.proto.v1.PassThrough;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.rollout.fleet.Fleets;
import dev.understudy.rollout.plan.Plans;
import dev.understudy.rollout.policy.RolloutPolicy;
import dev.understudy.rollout.policy.RolloutState;
import dev.understudy.rollout.routing.ModelConfig;
import dev.understudy.rollout.routing.RoutingHub;
import dev.understudy.rollout.store.Change;
import dev.understudy.rollout.store.FencedException;
import dev.understudy.rollout.store.Store;
import dev.understudy.rollout.store.StoreException;
import dev.understudy.rollout.store.StoredRollout;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Runs every rollout. Reports of the judge, words of routers, answers of model servers, commands
 * and a timer are events; each is handled in turn on one thread, so that every decision sees the
 * ones before it. A report is acted upon when it arrives; the timer only serves what time alone
 * brings.
 *
 * <p>Only one controller leads. When another one has begun a newer epoch, on the same file or as
 * routers tell, this one stops renewing leases and refuses commands.
 *
 * <p>When a decision cannot be stored, this one stops renewing leases too, and takes out what must
 * go ({@link Keeping}); it tries again five times a second.
 *
 * <p>Methods may be called by any thread and wait for their turn.
 */
public final class Engine implements AutoCloseable {
  /** How often the engine looks whether time alone has brought something. */
  static final Duration TICK = Duration.ofMillis(200);

  private static final Duration SIGNATURE_RETRY = Duration.ofSeconds(1);
  private static final Logger log = Logger.getLogger(Engine.class.getName());

  private final Core core;
  private final Scheduler scheduler;
  private final TimeOrderedIds ids;
  private final Map<String, Drive> drives = new LinkedHashMap<>();
  private final List<Cancellable> timers = new ArrayList<>();
  private volatile @Nullable String fenced;

  /**
   * Wires an engine; {@link #start()} sets it going.
   *
   * @param models by name
   * @param lease how long routers trust a table without renewal
   * @param passThrough where calls for other models go; null: they are refused
   * @param staleAfter how long the judge may be silent
   */
  public Engine(
      Map<String, ModelConfig> models,
      Duration lease,
      @Nullable PassThrough passThrough,
      Duration staleAfter,
      Store store,
      Fleets fleets,
      Judge judge,
      TimeSource time,
      Scheduler scheduler,
      TimeOrderedIds ids) {
    this.scheduler = scheduler;
    this.ids = ids;
    var routers = new Routers();
    var hub = new RoutingHub(store.epoch(), time, routers);
    routers.engine = this;
    this.core =
        new Core(
            Map.copyOf(models),
            lease,
            passThrough,
            new RolloutPolicy(staleAfter),
            store,
            new Keeping(store, time),
            fleets,
            judge,
            hub,
            new Watchers(),
            new Turns(),
            time);
  }

  /** What routers connect to. */
  public RoutingHub hub() {
    return core.hub();
  }

  Core core() {
    return core;
  }

  /** Continues every rollout where it was, and serves the routing table. */
  public void start() {
    core.turns()
        .call(() -> {
          core.keeping()
              .change(tx -> {
                if (core.store().revision() == 0) {
                  core.keeping().nextRevision(tx);
                }
                audit(tx, "controller.start", "", "", "epoch " + core.store().epoch());
              });
          for (ModelConfig config : core.models().values()) {
            String champion = core.champion(config.name());
            if (!champion.equals(config.champion())) {
              log.info(() ->
                  config.name()
                      + ": version "
                      + champion
                      + " was promoted and is champion; the configured "
                      + config.champion()
                      + " is not used");
            }
            describe(config);
          }
          core.publish();
          for (StoredRollout rollout : core.store().inFlight()) {
            if (core.models().containsKey(rollout.model())) {
              Drive drive = takeUp(rollout);
              drive.routersBackAt(core.time().wallMillis() + core.lease().toMillis());
              drive.enter();
            } else {
              log.warning(() ->
                  "rollout "
                      + rollout.id()
                      + ": model "
                      + rollout.model()
                      + " is not configured any more; it stays where it is");
            }
          }
          return core.store().epoch();
        });
    timers.add(scheduler.every(TICK, "look at rollouts", () -> core.turns().post(this::tick)));
    timers.add(
        scheduler.every(
            core.lease().dividedBy(4),
            "renew leases",
            () -> {
              if (fenced == null && core.keeping().trouble() == null) {
                core.hub().renew();
              }
            }));
  }

  /** Registers what the repositories hold; returns what is wrong with it, one line each. */
  public List<String> register(Map<String, List<CatalogVersion>> found) {
    return command(() -> {
      List<String> problems = new ArrayList<>();
      found.forEach((model, versions) -> problems.addAll(register(model, versions)));
      return problems;
    });
  }

  /** Begins a rollout of a plan that was read. */
  public RolloutStatus begin(RolloutPlan plan, List<CatalogVersion> found, String actor) {
    return command(() -> {
      ModelConfig config = core.models().get(plan.getModel());
      if (config == null) {
        throw unknownModel(plan.getModel());
      }
      List<String> problems = register(config.name(), found);
      String champion = core.champion(config.name());
      Starts.check(core, config, plan, champion, problems);
      return begin(config, plan, champion, actor);
    });
  }

  /** Runs a command in turn. */
  <T> T command(Callable<T> command) {
    return core.turns()
        .call(() -> {
          String why = fenced;
          if (why != null) {
            throw Fault.of(Status.Code.FAILED_PRECONDITION, "NOT_LEADING", why);
          }
          try {
            return command.call();
          } catch (FencedException e) {
            fence(String.valueOf(e.getMessage()));
            throw Fault.of(Status.Code.FAILED_PRECONDITION, "NOT_LEADING", String.valueOf(fenced));
          } catch (StoreException e) {
            throw Fault.of(
                    Status.Code.UNAVAILABLE,
                    "NOT_STORED",
                    e.getMessage()
                        + " (nothing was decided; leases are not renewed until it can be stored)")
                .cause(e);
          }
        });
  }

  /** The rollout that is in flight for a model; null if none is. */
  @Nullable Drive drive(String model) {
    Drive drive = drives.get(model);
    return drive == null || drive.hasEnded() ? null : drive;
  }

  /** Takes an ended rollout up again, to undo it. */
  Drive takeUp(StoredRollout rollout) {
    var drive = new Drive(core, rollout);
    drives.put(rollout.model(), drive);
    return drive;
  }

  /**
   * Begins a rollout, or the next attempt of an earlier one that failed if nothing that is judged
   * has changed: the same files judged in the same way against the same champion keep the evidence
   * that there is, whatever else was tried in between. Otherwise the evidence begins anew, and that
   * is said.
   */
  RolloutStatus begin(ModelConfig config, RolloutPlan plan, String champion, String actor) {
    long now = core.time().wallMillis();
    String challenger = plan.getChallengerVersion();
    String digest = core.store().digest(config.name(), challenger);
    boolean drill = plan.hasDrill();
    int attempt = drill ? 1 : 1 + Starts.earlierAttempts(core, config.name(), challenger, digest);
    StoredRollout again = drill ? null : nextAttempt(config, plan, champion, digest, attempt, now);
    String id = again == null ? ids.next() : again.id();
    String anew =
        again == null && attempt > 1
            ? "evidence begins anew: not what attempt "
                + (attempt - 1)
                + " of the same files was judged by"
            : "";
    StoredRollout next =
        again != null
            ? again
            : new StoredRollout(
                id,
                plan,
                Plans.digest(plan),
                attempt,
                champion,
                spec(id, config, plan, champion, digest, attempt, now),
                RolloutState.pending(anew, now),
                core.store().revision(),
                0);
    boolean continues = again != null;
    core.keeping()
        .change(tx -> {
          if (continues) {
            tx.retry(next);
          } else {
            tx.insert(next);
          }
          if (!drill) {
            tx.alias(config.name(), "challenger", challenger, next.id(), now);
          }
          tx.audit(
              now,
              actor,
              continues ? "rollout.retry" : "rollout.start",
              config.name(),
              next.id(),
              (drill ? "drill, version " : "version ")
                  + challenger
                  + " against "
                  + champion
                  + ", attempt "
                  + attempt
                  + ", plan "
                  + next.planDigest()
                  + (anew.isEmpty() ? "" : "; " + anew));
        });
    return drive(next).status();
  }

  /** The newest rollout that failed in which the same was judged, once more; null without one. */
  private @Nullable StoredRollout nextAttempt(
      ModelConfig config, RolloutPlan plan, String champion, String digest, int attempt, long now) {
    for (StoredRollout earlier : core.store().list(config.name(), Starts.HISTORY)) {
      if (earlier.state().phase() == Phase.DEGRADED && !earlier.isDrill()) {
        EvaluationSpec spec = spec(earlier.id(), config, plan, champion, digest, attempt, now);
        if (Starts.isSameTrial(earlier.spec(), spec)) {
          return earlier.retried(plan, Plans.digest(plan), spec, now);
        }
      }
    }
    return null;
  }

  private EvaluationSpec spec(
      String id,
      ModelConfig config,
      RolloutPlan plan,
      String champion,
      String challengerDigest,
      int attempt,
      long now) {
    String championDigest = core.store().digest(config.name(), champion);
    return Plans.evaluation(
        plan,
        id,
        attempt,
        champion,
        championDigest,
        challengerDigest,
        config.contract(),
        config.tryTimeoutMillis(),
        now);
  }

  private Drive drive(StoredRollout rollout) {
    Drive drive = takeUp(rollout);
    drive.enter();
    return drive;
  }

  private void tick() {
    if (fenced != null) {
      return;
    }
    guarded(core.keeping()::probe);
    for (Drive drive : List.copyOf(drives.values())) {
      if (fenced == null && !drive.isDone()) {
        guarded(drive::look);
      }
    }
    guarded(this::noteApplied);
    drives.values().removeIf(Drive::isDone);
  }

  /** Notes which decisions every connected router has in force by now. */
  private void noteApplied() {
    OptionalLong applied = core.hub().appliedByAll(core.store().epoch());
    if (applied.isPresent() && core.store().hasUnapplied(applied.getAsLong())) {
      core.keeping().change(tx -> tx.applied(applied.getAsLong(), core.time().wallMillis()));
      for (Drive drive : drives.values()) {
        core.watchers().tell(drive.status());
      }
    }
  }

  /** Asks the champion's servers what it takes and gives, until one says. */
  private void describe(ModelConfig config) {
    String champion = core.champion(config.name());
    if (core.store().signature(config.name(), champion) != null) {
      return;
    }
    var _ =
        core.fleets()
            .signature(config.championFleet(), config.name(), champion)
            .whenComplete((signature, failure) -> {
              if (failure == null) {
                core.turns().post(() -> guarded(() -> described(config, champion, signature)));
              } else {
                log.fine(() -> config.name() + ": not described yet: " + failure);
                describeLater(config);
              }
            });
  }

  private void described(ModelConfig config, String champion, ModelSignature signature) {
    try {
      core.keeping()
          .change(tx -> {
            tx.signature(config.name(), champion, signature);
            long revision = core.keeping().nextRevision(tx);
            audit(tx, "routing.publish", config.name(), "", "revision " + revision);
          });
    } catch (StoreException e) {
      describeLater(config);
      throw e;
    }
    core.publish();
    drives.values().forEach(Drive::described);
  }

  private void describeLater(ModelConfig config) {
    var later =
        scheduler.after(
            SIGNATURE_RETRY,
            "ask what " + config.name() + " takes",
            () -> core.turns().post(() -> describe(config)));
    if (fenced != null) {
      later.cancel();
    }
  }

  private List<String> register(String model, List<CatalogVersion> found) {
    List<String> problems = new ArrayList<>();
    Map<String, CatalogVersion> known = new LinkedHashMap<>();
    core.store().versions(model).forEach(version -> known.put(version.getVersion(), version));
    for (CatalogVersion version : found) {
      CatalogVersion before = known.get(version.getVersion());
      if (before != null
          && !before.getDigest().isEmpty()
          && !before.getDigest().equals(version.getDigest())) {
        problems.add(
            model
                + " version "
                + version.getVersion()
                + ": its files have digest "
                + version.getDigest()
                + " (expected: "
                + before.getDigest()
                + ", as registered; a version never changes, give the new files a new number)");
      } else if (before == null || !before.getCardMap().equals(version.getCardMap())) {
        core.keeping()
            .change(tx -> {
              tx.register(
                  before == null
                      ? version
                      : before.toBuilder().clearCard().putAllCard(version.getCardMap()).build());
              audit(
                  tx,
                  "catalog.register",
                  model,
                  "",
                  "version " + version.getVersion() + " digest " + version.getDigest());
            });
      }
    }
    problems.forEach(log::warning);
    return problems;
  }

  private void audit(Change tx, String action, String model, String rolloutId, String detail) {
    tx.audit(core.time().wallMillis(), Core.CONTROLLER, action, model, rolloutId, detail);
  }

  /** One drive that cannot keep its decision does not hold up the others. */
  private void guarded(Runnable work) {
    try {
      work.run();
    } catch (FencedException e) {
      fence(String.valueOf(e.getMessage()));
    } catch (StoreException e) {
      // What could not be kept is tried again; that it could not has been said.
      log.log(Level.FINE, "not kept", e);
    }
  }

  private void fence(String why) {
    if (fenced == null) {
      log.severe(() -> "another controller leads; this one stops: " + why);
      fenced = why;
      drives.values().forEach(Drive::close);
    }
  }

  static Fault unknownModel(String model) {
    return Fault.of(
            Status.Code.NOT_FOUND, "UNKNOWN_MODEL", "model '" + model + "' is not configured here")
        .resource("model", model);
  }

  @Override
  public void close() {
    timers.forEach(Cancellable::cancel);
    core.turns().post(() -> drives.values().forEach(Drive::close));
    core.turns().close();
    if (core.turns().dropped() > 0) {
      log.log(Level.WARNING, "{0} events found no room", core.turns().dropped());
    }
  }

  /** What routers say, brought to the engine. */
  private static final class Routers implements RoutingHub.Listener {
    private volatile @Nullable Engine engine;

    @Override
    public void onRouters() {
      Engine to = engine;
      if (to != null) {
        to.core.turns().post(to::tick);
      }
    }

    @Override
    public void onNewerEpoch(long epoch) {
      Engine to = engine;
      if (to != null) {
        to.core.turns().post(() -> to.fence("a router follows a controller of epoch " + epoch));
      }
    }
  }
}
