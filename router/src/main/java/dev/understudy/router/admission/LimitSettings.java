package dev.understudy.router.admission;

import dev.understudy.chassis.config.Section;
import dev.understudy.router.overload.ClassShares;
import dev.understudy.router.overload.GradientSettings;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Bounds on what callers may ask for, {@code limits} of the configuration.
 *
 * @param everybody for every principal
 * @param principals for principals by name
 * @param totals for models by name, over all principals
 * @param rememberedPrincipals for how many principals without quotas of their own buckets are kept
 * @param tellRemaining whether answers say what is left
 * @param concurrentCalls calls in flight
 * @param bytesInFlight bytes of requests in flight
 * @param messageBytes the largest message
 * @param criticality null: all calls are alike
 * @param refuseHopeless whether calls are refused that cannot be answered before their deadline
 * @param deadlineReserve time that is kept for the way back
 * @param adaptive how many calls each backend has at once; null for no limit
 */
public record LimitSettings(
    PrincipalLimits everybody,
    Map<String, PrincipalLimits> principals,
    Map<String, QuotaPair> totals,
    int rememberedPrincipals,
    boolean tellRemaining,
    int concurrentCalls,
    long bytesInFlight,
    int messageBytes,
    @Nullable CriticalitySettings criticality,
    boolean refuseHopeless,
    Duration deadlineReserve,
    @Nullable GradientSettings adaptive) {
  private static final long MIB = 1 << 20;

  /** Copies the maps. */
  public LimitSettings {
    principals = Map.copyOf(principals);
    totals = Map.copyOf(totals);
  }

  /** Reads the section. */
  public static LimitSettings read(Section section) {
    CriticalitySettings criticality = CriticalitySettings.read(section);
    Map<String, PrincipalLimits> principals = new LinkedHashMap<>();
    section
        .namedSections("principals")
        .forEach((name, own) -> {
          PrincipalLimits limits = PrincipalLimits.one(own);
          if (limits.equals(PrincipalLimits.NONE)) {
            own.problem("requestsPerSecond", "missing");
          }
          if (criticality == null && (limits.criticality() != null || limits.highest() != null)) {
            own.problem("criticality", "set (expected: limits.criticality is there too)");
          }
          principals.put(name, limits);
        });
    Map<String, QuotaPair> totals = new LinkedHashMap<>();
    section
        .namedSections("totals")
        .forEach((name, own) -> totals.put(name, QuotaPair.required(own)));
    return new LimitSettings(
        PrincipalLimits.everybody(section),
        principals,
        totals,
        section.integer("rememberedPrincipals", 100_000, 1, 10_000_000),
        section.flag("tellRemaining", false),
        section.integer("concurrentCalls", 4096, 1, 1_000_000),
        section.bytes("bytesInFlight", 512 * MIB),
        (int) Math.min(Integer.MAX_VALUE, section.bytes("messageBytes", 64 * MIB)),
        criticality,
        section.flag("refuseHopeless", true),
        section.duration("deadlineReserve", Duration.ofMillis(1)),
        GradientSettings.read(section.section("adaptive")));
  }

  /** Whether there is any quota. */
  public boolean hasQuotas() {
    return everybody.hasQuotas()
        || !totals.isEmpty()
        || principals.values().stream().anyMatch(PrincipalLimits::hasQuotas);
  }

  /** How full the budgets may be for each class. */
  public ClassShares shares() {
    return criticality == null ? ClassShares.ALIKE : criticality.shares();
  }
}
