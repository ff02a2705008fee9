package dev.understudy.router.call;

import java.util.Collection;
import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What somebody may do.
 *
 * @param infer see {@link CallerRole#INFER}
 * @param metadata see {@link CallerRole#METADATA}
 * @param tester see {@link CallerRole#TESTER}
 * @param models for which models
 * @param criticality the most important class that its calls may claim; null for what limits say
 */
public record Grant(
    boolean infer,
    boolean metadata,
    boolean tester,
    ModelScope models,
    @Nullable Criticality criticality) {
  /** Nothing at all. */
  public static final Grant NOTHING = of(Set.of(), ModelScope.NONE, null);

  /** What everybody may where nobody is asked who he is: all models, but no choice of an arm. */
  public static final Grant OPEN =
      of(EnumSet.of(CallerRole.INFER, CallerRole.METADATA), ModelScope.ALL, null);

  /** A grant of these roles. */
  public static Grant of(
      Collection<CallerRole> roles, ModelScope models, @Nullable Criticality criticality) {
    return new Grant(
        roles.contains(CallerRole.INFER),
        roles.contains(CallerRole.METADATA),
        roles.contains(CallerRole.TESTER),
        models,
        criticality);
  }

  /** This and the right to choose an arm. */
  public Grant withTester() {
    return new Grant(infer, metadata, true, models, criticality);
  }
}
