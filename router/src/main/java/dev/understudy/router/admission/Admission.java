package dev.understudy.router.admission;

import dev.understudy.chassis.error.Fault;
import dev.understudy.router.admission.RefusalCounts.Cause;
import dev.understudy.router.call.Budget;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.call.Explanation;
import dev.understudy.router.call.Headers;
import dev.understudy.router.call.Notes;
import dev.understudy.router.call.Principal;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.overload.ClassShares;
import dev.understudy.router.overload.DeadlineForecast;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a call must pass before a backend hears of it. What headers tell is decided before the
 * message is taken: the deadline, the caller's request quotas, a place among the calls in flight.
 * The message's bytes are taken from the budget when it is there, and from the quotas when its head
 * has told the model. Nothing here waits: a call over a limit is refused, with the time after which
 * it may come again. Any thread.
 */
public final class Admission {
  private final @Nullable Quotas quotas;
  private final boolean tellsRemaining;
  private final Budget calls;
  private final Budget bytes;
  private final ClassShares shares;
  private final @Nullable CriticalitySettings classes;
  private final Map<String, Claim> claims = new HashMap<>();
  private final Claim standardClaim;

  /** The claims of those whose grant names a class. */
  private final Map<Criticality, Claim> grantedClaims = new EnumMap<>(Criticality.class);

  private final @Nullable DeadlineForecast forecast;
  private final RefusalCounts refusals = new RefusalCounts();

  /** What a principal is when it says nothing, and the most that it may say. */
  private record Claim(Criticality standard, Criticality highest) {}

  /**
   * Makes the gate.
   *
   * @param nowNanos the monotonic clock
   */
  public Admission(LimitSettings settings, long nowNanos) {
    quotas = settings.hasQuotas() ? new Quotas(settings, nowNanos) : null;
    tellsRemaining = settings.tellRemaining();
    calls = new Budget(settings.concurrentCalls());
    bytes = new Budget(settings.bytesInFlight());
    classes = settings.criticality();
    shares = settings.shares();
    standardClaim =
        classes == null
            ? new Claim(Criticality.DEFAULT, Criticality.DEFAULT)
            : new Claim(classes.standard().atMost(classes.highest()), classes.highest());
    for (Criticality granted : Criticality.values()) {
      grantedClaims.put(granted, new Claim(standardClaim.standard().atMost(granted), granted));
    }
    settings.principals().forEach((name, own) -> claim(name, own));
    forecast =
        settings.refuseHopeless()
            ? new DeadlineForecast(settings.deadlineReserve().toNanos())
            : null;
  }

  private void claim(String name, PrincipalLimits own) {
    Criticality said = own.criticality();
    Criticality highest = own.highest();
    if (said != null || highest != null) {
      Criticality most = highest != null ? highest : standardClaim.highest();
      if (highest == null && said != null && said.compareTo(most) > 0) {
        most = said;
      }
      Criticality standard = said != null ? said : standardClaim.standard();
      claims.put(name, new Claim(standard.atMost(most), most));
    }
  }

  /**
   * The class of a principal's call: what its header claims, at most what the principal may claim.
   *
   * @throws Fault when the header names no class
   */
  public Criticality classOf(Principal caller, Headers headers) {
    if (classes == null) {
      return Criticality.DEFAULT;
    }
    Claim claim = claims.isEmpty() ? null : claims.get(caller.name());
    if (claim == null) {
      claim = standardClaim;
      Criticality granted = caller.grant().criticality();
      if (granted != null) {
        claim = grantedClaims.getOrDefault(granted, standardClaim);
      }
    }
    String said = headers.get(Criticality.HEADER);
    if (said == null) {
      return claim.standard();
    }
    Criticality claimed = Criticality.of(said);
    if (claimed == null) {
      throw Refusals.noSuchCriticality(said);
    }
    return claimed.atMost(claim.highest());
  }

  /**
   * From headers: is there still time, a request left, and a place? A place must be given back with
   * {@link #leave()}. A stream's requests are its messages.
   *
   * @throws Fault when there is not; then nothing has been taken
   */
  public void enter(
      String principal, Criticality criticality, Method method, long deadlineNanos, long nowNanos) {
    if (deadlineNanos != Long.MAX_VALUE && deadlineNanos - nowNanos <= 0) {
      refusals.count(Cause.DEADLINE_PASSED, criticality);
      throw Refusals.tooLate();
    }
    Quotas takes = method == Method.STREAM ? null : quotas;
    if (takes != null) {
      check(takes.takeHead(principal, method, nowNanos), criticality);
    }
    long ceiling = shares.ceiling(criticality, calls.limit());
    if (!calls.take(1, ceiling)) {
      if (takes != null) {
        takes.giveBackHead(principal, method, nowNanos, nowNanos);
      }
      refusals.count(Cause.CALLS, criticality);
      throw Refusals.tooManyCalls((int) Math.min(Integer.MAX_VALUE, ceiling));
    }
  }

  /** Gives the place back. */
  public void leave() {
    calls.giveBack(1);
  }

  /**
   * Asks for a question about a model or the server; it holds no place.
   *
   * @throws Fault when the principal has no request left
   */
  public void ask(String principal, long nowNanos) {
    if (quotas != null) {
      check(quotas.takeHead(principal, Method.METADATA, nowNanos), standardClaim.standard());
    }
  }

  /** Says what a call of so many bytes would meet, and takes nothing. */
  public void explain(
      Principal principal,
      Criticality criticality,
      String model,
      long deadlineNanos,
      int size,
      long nowNanos,
      Explanation into) {
    Quotas all = quotas;
    long mostCalls = shares.ceiling(criticality, calls.limit());
    long mostBytes = shares.ceiling(criticality, bytes.limit());
    Fault refusal = null;
    if (deadlineNanos != Long.MAX_VALUE && deadlineNanos - nowNanos <= 0) {
      refusal = Refusals.tooLate();
    } else if (all != null) {
      refusal = all.wouldRefuse(principal.name(), Method.INFER, model, size, nowNanos);
    }
    if (refusal == null && calls.used() >= mostCalls) {
      refusal = Refusals.tooManyCalls((int) Math.min(Integer.MAX_VALUE, mostCalls));
    }
    if (refusal == null && bytes.used() + size > mostBytes) {
      refusal = Refusals.tooManyBytes(mostBytes);
    }
    if (refusal != null) {
      into.refuses("limits", refusal);
      return;
    }
    into.passes(
            "limits",
            (all == null ? "no quota" : "within its quotas")
                + "; class "
                + criticality.word()
                + "; "
                + calls.used()
                + " of "
                + mostCalls
                + " calls and "
                + bytes.used()
                + " of "
                + mostBytes
                + " bytes are in flight")
        .fact("calls_in_flight", calls.used())
        .fact("bytes_in_flight", bytes.used());
  }

  /**
   * Takes a message's bytes from the budget, to be given back with {@link #giveBack(long)}.
   *
   * @throws Fault when they do not fit
   */
  public void takeBytes(Criticality criticality, long size) {
    long ceiling = shares.ceiling(criticality, bytes.limit());
    if (!bytes.take(size, ceiling)) {
      refusals.count(Cause.BYTES, criticality);
      throw Refusals.tooManyBytes(ceiling);
    }
  }

  /** Gives bytes back. */
  public void giveBack(long size) {
    bytes.giveBack(size);
  }

  /**
   * With the head: is there a quota left for this model and these bytes?
   *
   * @param enteredNanos when the call entered
   * @throws Fault when there is not; then the request that the headers took has been given back
   */
  public void takeMessage(
      String principal,
      Criticality criticality,
      Method method,
      String model,
      long size,
      long enteredNanos,
      long nowNanos,
      Notes notes) {
    Quotas all = quotas;
    if (all == null) {
      return;
    }
    check(
        method == Method.STREAM
            ? all.takeAll(principal, method, model, size, nowNanos)
            : all.takeMessage(principal, method, model, size, enteredNanos, nowNanos),
        criticality);
    if (tellsRemaining) {
      all.tellRemaining(principal, method, model, nowNanos, notes);
    }
  }

  /**
   * Can the call still be answered? To be asked of models that a table names.
   *
   * @param remainingNanos until the deadline; {@link Long#MAX_VALUE} without one
   * @throws Fault when it cannot
   */
  public void checkTime(
      Criticality criticality, String clientId, String model, long remainingNanos, long nowNanos) {
    if (forecast == null) {
      return;
    }
    long needed = forecast.missing(model, remainingNanos, nowNanos);
    if (needed > 0) {
      refusals.count(Cause.DEADLINE_TOO_SHORT, criticality);
      throw Refusals.tooShort(clientId, model, remainingNanos, needed);
    }
  }

  /** What {@link #checkTime} would refuse with, or null; counts nothing. */
  public @Nullable Fault tooShort(
      String clientId, String model, long remainingNanos, long nowNanos) {
    if (forecast == null) {
      return null;
    }
    long needed = forecast.wouldMiss(model, remainingNanos, nowNanos);
    return needed > 0 ? Refusals.tooShort(clientId, model, remainingNanos, needed) : null;
  }

  /** The champion has answered as it should, after so long. */
  public void answered(String model, long tookNanos, long nowNanos) {
    if (forecast != null) {
      forecast.answered(model, tookNanos, nowNanos);
    }
  }

  /** Counts a call for which no backend had a place, and says so. */
  public Fault backendsBusy(Criticality criticality, String clientId, String arm) {
    refusals.count(Cause.BACKENDS_BUSY, criticality);
    return Refusals.backendsBusy(clientId, arm);
  }

  /** Forgets models that no table names any more. */
  public void retain(Collection<String> models) {
    if (forecast != null) {
      forecast.retain(models);
    }
  }

  private void check(Quotas.@Nullable Refusal refusal, Criticality criticality) {
    if (refusal != null) {
      refusals.count(refusal.inBytes() ? Cause.BYTE_QUOTA : Cause.REQUEST_QUOTA, criticality);
      throw refusal.fault();
    }
  }

  /** Concurrent calls. */
  public Budget calls() {
    return calls;
  }

  /** Bytes in flight. */
  public Budget bytes() {
    return bytes;
  }

  /** Calls that were refused. */
  public RefusalCounts refusals() {
    return refusals;
  }

  /** Takes by principals that share a bucket because too many others are remembered. */
  public long sharedTakes() {
    return quotas == null ? 0 : quotas.sharedTakes();
  }
}
