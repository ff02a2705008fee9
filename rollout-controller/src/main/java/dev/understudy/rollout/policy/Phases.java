package dev.understudy.rollout.policy;

import static dev.understudy.proto.v1.Phase.ABORTING;
import static dev.understudy.proto.v1.Phase.DEGRADED;
import static dev.understudy.proto.v1.Phase.HEALTHY;
import static dev.understudy.proto.v1.Phase.PAUSED;
import static dev.understudy.proto.v1.Phase.PENDING;
import static dev.understudy.proto.v1.Phase.PHASE_UNSPECIFIED;
import static dev.understudy.proto.v1.Phase.PROGRESSING;
import static dev.understudy.proto.v1.Phase.PROMOTING;
import static dev.understudy.proto.v1.Phase.SHADOWING;
import static dev.understudy.proto.v1.Phase.WATCHING;

import dev.understudy.proto.v1.Phase;
import java.util.EnumSet;
import java.util.Set;

/** The states of a rollout and the ways between them. */
public final class Phases {
  private Phases() {}

  /** The phases that may follow directly. Staying in a phase, step after step, is always legal. */
  public static Set<Phase> after(Phase phase) {
    return switch (phase) {
      case PENDING -> EnumSet.of(SHADOWING, PROGRESSING, PAUSED, ABORTING);
      case SHADOWING, PROGRESSING ->
          EnumSet.of(SHADOWING, PROGRESSING, PAUSED, PROMOTING, ABORTING);
      case PAUSED -> EnumSet.of(PENDING, SHADOWING, PROGRESSING, PROMOTING, ABORTING);
      case PROMOTING -> EnumSet.of(WATCHING, PAUSED, ABORTING);
      case WATCHING -> EnumSet.of(HEALTHY, ABORTING);
      // An undo of a promotion that had been declared good.
      case HEALTHY -> EnumSet.of(ABORTING);
      // A drill that found nothing ends well.
      case ABORTING -> EnumSet.of(DEGRADED, HEALTHY);
      // Another attempt.
      case DEGRADED -> EnumSet.of(PENDING);
      case PHASE_UNSPECIFIED, UNRECOGNIZED -> EnumSet.noneOf(Phase.class);
    };
  }

  /** Whether the one phase may follow the other. */
  public static boolean mayFollow(Phase from, Phase to) {
    return from == to || after(from).contains(to);
  }

  /** Whether a rollout in this phase still holds its model: no second one may start beside it. */
  public static boolean inFlight(Phase phase) {
    return phase != HEALTHY && phase != DEGRADED && phase != PHASE_UNSPECIFIED;
  }

  /** Whether the challenger receives copies or a share of the traffic. */
  public static boolean onTrial(Phase phase) {
    return phase == SHADOWING || phase == PROGRESSING || phase == PAUSED || phase == PROMOTING;
  }
}
