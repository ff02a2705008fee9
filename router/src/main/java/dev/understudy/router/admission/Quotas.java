package dev.understudy.router.admission;

import dev.understudy.chassis.error.Fault;
import dev.understudy.router.call.Notes;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * All quotas of all callers. Which of them apply to a call depends on its method and model alone
 * and is laid out beforehand; every one that applies must have room, or nothing is taken from any.
 *
 * <p>A unary call is asked twice: when only its headers are known, for its request, and again when
 * its message is there, for the message's bytes and for what depends on the model. When the second
 * is refused the first is given back, less what has come back by itself meanwhile (see {@link
 * RateLimiter}). A stream's message is asked once for all of it, a question about a model once for
 * its request.
 *
 * <p>Bytes are those of the serialized message: nearly all of them are tensors, and whoever hides
 * data elsewhere pays for that too. Any thread.
 */
final class Quotas {
  private static final Bound[] NO_BOUNDS = {};
  private static final Layout NOTHING = new Layout(NO_BOUNDS, NO_BOUNDS, NO_BOUNDS);

  /** What applies to a call with its headers, and what more with its message; together: all. */
  @SuppressWarnings("ArrayRecordComponent") // nobody compares layouts
  private record Layout(Bound[] head, Bound[] message, Bound[] all) {}

  private final Map<Method, Layout> anyModel;
  private final Map<String, Map<Method, Layout>> models;
  private final List<RateLimiter> limiters = new ArrayList<>();

  Quotas(LimitSettings settings, long nowNanos) {
    Builder builder = new Builder(settings, nowNanos);
    List<Bound> whole = builder.pair(limits -> limits.whole(), "", "");
    Map<Method, List<Bound>> byMethod = new EnumMap<>(Method.class);
    for (Method method : Method.values()) {
      byMethod.put(
          method,
          builder.pair(
              limits -> limits.methods().getOrDefault(method, QuotaPair.NONE),
              " by method '" + method.word() + "'",
              "/method:" + method.word()));
    }
    TreeSet<String> names = new TreeSet<>(settings.totals().keySet());
    names.addAll(settings.everybody().models().keySet());
    settings.principals().values().forEach(own -> names.addAll(own.models().keySet()));
    anyModel = layouts(whole, byMethod, List.of());
    Map<String, Map<Method, Layout>> laidOut = new HashMap<>();
    for (String name : names) {
      List<Bound> bounds =
          new ArrayList<>(
              builder.pair(
                  limits -> limits.models().getOrDefault(name, QuotaPair.NONE),
                  " for model '" + name + "'",
                  "/model:" + name));
      bounds.addAll(builder.total(name));
      laidOut.put(name, layouts(whole, byMethod, bounds));
    }
    models = Map.copyOf(laidOut);
  }

  private static Map<Method, Layout> layouts(
      List<Bound> whole, Map<Method, List<Bound>> byMethod, List<Bound> ofModel) {
    Map<Method, Layout> layouts = new EnumMap<>(Method.class);
    for (Method method : Method.values()) {
      List<Bound> head = new ArrayList<>();
      List<Bound> message = new ArrayList<>();
      List<Bound> outer = new ArrayList<>(whole);
      outer.addAll(byMethod.getOrDefault(method, List.of()));
      outer.forEach(bound -> (bound.inBytes() ? message : head).add(bound));
      message.addAll(ofModel);
      List<Bound> all = new ArrayList<>(head);
      all.addAll(message);
      layouts.put(method, new Layout(array(head), array(message), array(all)));
    }
    return layouts;
  }

  private static Bound[] array(List<Bound> bounds) {
    return bounds.toArray(NO_BOUNDS);
  }

  /**
   * Takes a request from what headers decide.
   *
   * @return the refusal, or null
   */
  @Nullable Refusal takeHead(String principal, Method method, long nowNanos) {
    return take(of(anyModel, method).head(), principal, 0, nowNanos);
  }

  /** Gives back what {@link #takeHead} took. */
  void giveBackHead(String principal, Method method, long takenNanos, long nowNanos) {
    for (Bound bound : of(anyModel, method).head()) {
      bound.giveBack(principal, 0, takenNanos, nowNanos);
    }
  }

  /**
   * Takes a message of a unary call, whose request was taken before.
   *
   * @param takenNanos when it was
   * @return the refusal, or null
   */
  @Nullable Refusal takeMessage(
      String principal, Method method, String model, long bytes, long takenNanos, long nowNanos) {
    Refusal refusal = take(layout(method, model).message(), principal, bytes, nowNanos);
    if (refusal != null) {
      giveBackHead(principal, method, takenNanos, nowNanos);
    }
    return refusal;
  }

  /**
   * Takes a request and its message at once.
   *
   * @return the refusal, or null
   */
  @Nullable Refusal takeAll(
      String principal, Method method, String model, long bytes, long nowNanos) {
    return take(layout(method, model).all(), principal, bytes, nowNanos);
  }

  /** Why a call would be refused now, or null. */
  @Nullable Fault wouldRefuse(
      String principal, Method method, String model, long bytes, long nowNanos) {
    for (Bound bound : layout(method, model).all()) {
      long waitNanos = bound.peek(principal, bytes, nowNanos);
      if (waitNanos != 0) {
        return bound.refusal(principal, bytes, waitNanos);
      }
    }
    return null;
  }

  /** Notes what is left of the quota of which the least share is left; nothing without quotas. */
  void tellRemaining(String principal, Method method, String model, long nowNanos, Notes notes) {
    Bound tightest = null;
    double least = 2;
    for (Bound bound : layout(method, model).all()) {
      double left = bound.left(principal, nowNanos);
      if (left < least && bound.limiter().quota(bound.key(principal)) != null) {
        least = left;
        tightest = bound;
      }
    }
    Quota quota = tightest == null ? null : tightest.limiter().quota(tightest.key(principal));
    if (tightest == null || quota == null) {
      return;
    }
    long untilFull = tightest.limiter().untilFullNanos(tightest.key(principal), nowNanos);
    notes.trailer("x-ratelimit-limit", Long.toString(quota.burst()));
    notes.trailer(
        "x-ratelimit-remaining", Long.toString((long) Math.max(0, least * quota.burst() + 1e-9)));
    notes.trailer("x-ratelimit-reset", Long.toString((untilFull + 999_999_999) / 1_000_000_000));
    notes.trailer("x-ratelimit-unit", tightest.inBytes() ? "bytes" : "requests");
  }

  /** Takes by principals that had to share a bucket because too many others are remembered. */
  long sharedTakes() {
    return limiters.stream().mapToLong(RateLimiter::sharedTakes).sum();
  }

  /**
   * A quota that had no room.
   *
   * @param fault what the caller is told
   * @param inBytes whether it was one of bytes
   */
  record Refusal(Fault fault, boolean inBytes) {}

  private static @Nullable Refusal take(
      Bound[] bounds, String principal, long bytes, long nowNanos) {
    for (int i = 0; i < bounds.length; i++) {
      long waitNanos = bounds[i].take(principal, bytes, nowNanos);
      if (waitNanos != 0) {
        for (int taken = 0; taken < i; taken++) {
          bounds[taken].giveBack(principal, bytes, nowNanos, nowNanos);
        }
        return new Refusal(bounds[i].refusal(principal, bytes, waitNanos), bounds[i].inBytes());
      }
    }
    return null;
  }

  private Layout layout(Method method, String model) {
    Map<Method, Layout> layouts = models.isEmpty() ? null : models.get(model);
    return of(layouts == null ? anyModel : layouts, method);
  }

  private static Layout of(Map<Method, Layout> layouts, Method method) {
    return layouts.getOrDefault(method, NOTHING);
  }

  private final class Builder {
    private final LimitSettings settings;
    private final long nowNanos;

    Builder(LimitSettings settings, long nowNanos) {
      this.settings = settings;
      this.nowNanos = nowNanos;
    }

    List<Bound> pair(Function<PrincipalLimits, QuotaPair> of, String where, String place) {
      List<Bound> bounds = new ArrayList<>();
      add(bounds, limits -> of.apply(limits).requests(), false, where, place);
      add(bounds, limits -> of.apply(limits).bytes(), true, where, place);
      return bounds;
    }

    List<Bound> total(String model) {
      QuotaPair pair = settings.totals().getOrDefault(model, QuotaPair.NONE);
      List<Bound> bounds = new ArrayList<>();
      total(bounds, pair.requests(), false, model);
      total(bounds, pair.bytes(), true, model);
      return bounds;
    }

    private void total(List<Bound> bounds, @Nullable Quota quota, boolean inBytes, String model) {
      if (quota != null) {
        RateLimiter limiter = new RateLimiter(null, Map.of("", quota), 1, nowNanos);
        limiters.add(limiter);
        bounds.add(new Bound(limiter, model, inBytes, "", ""));
      }
    }

    private void add(
        List<Bound> bounds,
        Function<PrincipalLimits, @Nullable Quota> of,
        boolean inBytes,
        String where,
        String place) {
      Quota standard = of.apply(settings.everybody());
      Map<String, Quota> own = new HashMap<>();
      settings
          .principals()
          .forEach((name, limits) -> {
            Quota quota = of.apply(limits);
            if (quota != null) {
              own.put(name, quota);
            }
          });
      if (standard != null || !own.isEmpty()) {
        RateLimiter limiter =
            new RateLimiter(standard, own, settings.rememberedPrincipals(), nowNanos);
        limiters.add(limiter);
        bounds.add(new Bound(limiter, null, inBytes, where, place));
      }
    }
  }
}
