package dev.understudy.rollout.engine;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.rollout.policy.Phases;
import dev.understudy.rollout.policy.Reasons;
import dev.understudy.rollout.policy.RolloutState;
import dev.understudy.rollout.policy.Steps;
import dev.understudy.rollout.store.StoredRollout;
import io.grpc.Status;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What people may ask of a rollout, and in which phases. A command that asks for what is already so
 * changes nothing and succeeds; one that makes no sense in the phase is refused with {@code
 * FAILED_PRECONDITION} and says what would.
 */
final class Commands {
  private final Engine engine;
  private final Core core;

  Commands(Engine engine) {
    this.engine = engine;
    this.core = engine.core();
  }

  /** The rollout that a command means: by id, or the newest of a model. */
  record Target(String rolloutId, String model) {}

  RolloutStatus get(Target target) {
    return engine.command(() -> statusOf(find(target)));
  }

  RolloutStatus promote(Target target, String actor, boolean full) {
    return engine.command(() -> {
      Drive drive = inFlight(target);
      RolloutState state = drive.rollout().state();
      Phase lived = state.phase() == Phase.PAUSED ? state.resume() : state.phase();
      switch (lived) {
        case SHADOWING, PROGRESSING -> {
          if (full && drive.rollout().isDrill()) {
            throw refuse(drive.rollout(), "promoted", "a drill never is; abort it to end it");
          } else if (full) {
            drive.promoteFully(actor, "promoted by hand, whatever the evidence says");
          } else {
            drive.toStep(state.step() + 1, actor, "promoted by hand");
          }
        }
        case PROMOTING -> {
          if (state.phase() == Phase.PAUSED) {
            drive.resume(actor, "promoted by hand");
          }
        }
        case WATCHING -> {}
        default -> throw refuse(drive.rollout(), "promoted", "only a version on trial can be");
      }
      return drive.status();
    });
  }

  RolloutStatus pause(Target target, String actor, String reason) {
    return engine.command(() -> {
      Drive drive = inFlight(target);
      RolloutState state = drive.rollout().state();
      if (!Phases.onTrial(state.phase()) || state.phase() == Phase.PROMOTING) {
        throw refuse(drive.rollout(), "paused", "only a version on trial can be");
      }
      if (state.phase() != Phase.PAUSED || !state.reason().equals(Reasons.BY_HAND)) {
        drive.pause(actor, reason.isEmpty() ? "paused by hand" : reason);
      }
      return drive.status();
    });
  }

  RolloutStatus resume(Target target, String actor, String reason) {
    return engine.command(() -> {
      Drive drive = inFlight(target);
      RolloutState state = drive.rollout().state();
      if (state.phase() == Phase.PAUSED) {
        String why = reason.isEmpty() ? "resumed by hand" : reason;
        if (Steps.isPause(drive.rollout().plan(), state.step())
            && Phases.onTrial(state.resume())
            && state.resume() != Phase.PROMOTING) {
          // The step does nothing but pause: to resume is to leave it.
          drive.toStep(state.step() + 1, actor, why);
        } else {
          drive.resume(actor, why);
        }
      } else if (!Phases.inFlight(state.phase())) {
        throw refuse(drive.rollout(), "resumed", "it is not paused");
      }
      return drive.status();
    });
  }

  RolloutStatus abort(Target target, String actor, String reason) {
    return engine.command(() -> {
      StoredRollout rollout = find(target);
      return switch (rollout.state().phase()) {
        case ABORTING, DEGRADED -> statusOf(rollout);
        case WATCHING, HEALTHY -> {
          if (rollout.isDrill()) {
            yield statusOf(rollout);
          }
          throw refuse(rollout, "aborted", "it is champion already; use undo or rollback");
        }
        default -> {
          Drive drive = inFlight(target);
          drive.abort(
              Reasons.ABORTED_BY_HAND, actor, reason.isEmpty() ? "aborted by hand" : reason);
          yield stopped(drive);
        }
      };
    });
  }

  RolloutStatus undo(Target target, String actor, String reason) {
    return engine.command(() -> {
      StoredRollout promoted = lastPromotion(find(target));
      return undo(promoted, actor, reason.isEmpty() ? "undone by hand" : reason);
    });
  }

  /** Valid in every state; asking twice is asking once. */
  RolloutStatus rollback(Target target, String actor, String reason) {
    return engine.command(() -> {
      String why = reason.isEmpty() ? "rolled back by hand" : reason;
      Optional<StoredRollout> found =
          target.rolloutId().isEmpty()
              ? core.store().latest(known(target.model()))
              : core.store().rollout(target.rolloutId());
      if (found.isEmpty() && target.rolloutId().isEmpty()) {
        return RolloutStatus.newBuilder()
            .setModel(target.model())
            .setChampionVersion(core.champion(target.model()))
            .setHeadline(
                "version "
                    + core.champion(target.model())
                    + " serves alone; there was never a rollout to roll back")
            .build();
      }
      StoredRollout rollout = found.orElseThrow(() -> unknown(target));
      return switch (rollout.state().phase()) {
        case ABORTING -> statusOf(rollout);
        case DEGRADED ->
            rollout.isDrill() ? rollbackBehind(rollout, actor, why) : statusOf(rollout);
        case WATCHING, HEALTHY ->
            rollout.isDrill() ? rollbackBehind(rollout, actor, why) : undo(rollout, actor, why);
        default -> {
          Drive drive = inFlight(target);
          drive.abort(Reasons.ABORTED_BY_HAND, actor, why);
          yield stopped(drive);
        }
      };
    });
  }

  /** Of a model, the newest rollout that was no drill is retried. */
  RolloutStatus retry(Target target, String actor) {
    return engine.command(() -> {
      StoredRollout found = find(target);
      StoredRollout rollout =
          found.isDrill() && target.rolloutId().isEmpty() ? behind(found) : found;
      if (rollout.isDrill()) {
        throw Starts.refuse(
            "DRILL_NOT_RETRIED",
            "rollout "
                + rollout.id()
                + " is a drill, which is not retried (expected: understudy drill, which watches"
                + " over another)");
      }
      if (rollout.state().phase() != Phase.DEGRADED) {
        throw refuse(rollout, "retried", "only one that ended without success can be");
      }
      var config = core.config(known(rollout.model()));
      String champion = core.champion(config.name());
      Starts.check(core, config, rollout.plan(), champion, List.of());
      return engine.begin(config, rollout.plan(), champion, actor);
    });
  }

  /** A drill changed nothing, however it ended: what it follows is what can be rolled back. */
  private RolloutStatus rollbackBehind(StoredRollout drill, String actor, String why) {
    StoredRollout earlier = behind(drill);
    return earlier.state().phase() == Phase.HEALTHY
            && !earlier.isDrill()
            && core.champion(drill.model()).equals(earlier.challengerVersion())
        ? undo(earlier, actor, why)
        : statusOf(earlier);
  }

  /** The newest rollout of the model that is no drill; without one, the drill. */
  private StoredRollout behind(StoredRollout drill) {
    for (StoredRollout earlier : core.store().list(drill.model(), Starts.HISTORY)) {
      if (!earlier.isDrill()) {
        return earlier;
      }
    }
    return drill;
  }

  private RolloutStatus undo(StoredRollout promoted, String actor, String why) {
    if (promoted.state().phase() == Phase.HEALTHY) {
      Drive other = engine.drive(promoted.model());
      if (other != null) {
        throw refuse(
            other.rollout(), "passed over", "abort it before the promotion before it is undone");
      }
      if (!core.champion(promoted.model()).equals(promoted.challengerVersion())) {
        throw refuse(promoted, "undone", "another version is champion since");
      }
      Drive drive = engine.takeUp(promoted);
      drive.undo(actor, why);
      return stopped(drive);
    }
    Drive drive = inFlight(new Target(promoted.id(), promoted.model()));
    drive.undo(actor, why);
    return stopped(drive);
  }

  /** A stop that holds only as long as this process is not a success yet. */
  private RolloutStatus stopped(Drive drive) {
    if (drive.owesStop()) {
      throw Fault.of(
          Status.Code.UNAVAILABLE,
          "STOP_NOT_STORED",
          "the routers are told that version "
              + drive.rollout().championVersion()
              + " serves alone, but this could not be stored: "
              + core.keeping().trouble()
              + " (it is stored when there is room; after a restart before that, say it again)");
    }
    return drive.status();
  }

  private StoredRollout lastPromotion(StoredRollout rollout) {
    Phase phase = rollout.state().phase();
    if (!rollout.isDrill() && (phase == Phase.WATCHING || phase == Phase.HEALTHY)) {
      return rollout;
    }
    if (phase == Phase.DEGRADED || phase == Phase.HEALTHY) {
      String champion = core.champion(rollout.model());
      for (StoredRollout earlier : core.store().list(rollout.model(), 1_000)) {
        if (earlier.state().phase() == Phase.HEALTHY
            && !earlier.isDrill()
            && earlier.challengerVersion().equals(champion)) {
          return earlier;
        }
      }
    }
    throw refuse(
        rollout, "undone", "it has not been promoted; use abort, or rollback in any state");
  }

  private RolloutStatus statusOf(StoredRollout rollout) {
    Drive drive = engine.drive(rollout.model());
    return drive != null && drive.rollout().id().equals(rollout.id())
        ? drive.status()
        : Statuses.of(core.store(), rollout, null, "");
  }

  private StoredRollout find(Target target) {
    Optional<StoredRollout> found =
        target.rolloutId().isEmpty()
            ? core.store().latest(known(target.model()))
            : core.store().rollout(target.rolloutId());
    return found.orElseThrow(() -> unknown(target));
  }

  private Drive inFlight(Target target) {
    StoredRollout rollout = find(target);
    @Nullable Drive drive = engine.drive(rollout.model());
    if (drive == null || !drive.rollout().id().equals(rollout.id())) {
      throw refuse(rollout, "changed", "it has ended");
    }
    return drive;
  }

  private String known(String model) {
    if (!core.models().containsKey(model)) {
      throw Engine.unknownModel(model);
    }
    return model;
  }

  private static Fault unknown(Target target) {
    return target.rolloutId().isEmpty()
        ? Fault.of(
                Status.Code.NOT_FOUND,
                "NO_ROLLOUT",
                "model '" + target.model() + "' has never had a rollout")
            .resource("model", target.model())
        : Fault.of(
                Status.Code.NOT_FOUND,
                "UNKNOWN_ROLLOUT",
                "rollout '" + target.rolloutId() + "' is not known here")
            .resource("rollout", target.rolloutId());
  }

  private static Fault refuse(StoredRollout rollout, String verb, String why) {
    RolloutState state = rollout.state();
    return Starts.refuse(
        "WRONG_PHASE",
        "rollout "
            + rollout.id()
            + " cannot be "
            + verb
            + " in phase "
            + state.phase()
            + (state.reason().isEmpty() ? "" : " (" + state.reason() + ")")
            + ": "
            + why);
  }
}
