package dev.understudy.router.overload;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;

/** The limits of all backends, each found out for itself. Any thread. */
public final class BackendLimits {
  private final GradientSettings settings;
  private final ClassShares shares;
  private final LongSupplier nanoTime;
  private final Map<String, GradientLimit> limits = new ConcurrentHashMap<>();

  /**
   * Makes a maker.
   *
   * @param nanoTime the monotonic clock
   */
  public BackendLimits(GradientSettings settings, ClassShares shares, LongSupplier nanoTime) {
    this.settings = settings;
    this.shares = shares;
    this.nanoTime = nanoTime;
  }

  /** The limit of the backend at an address. */
  public GradientLimit of(String address) {
    return limits.computeIfAbsent(address, key -> new GradientLimit(settings, shares, nanoTime));
  }

  /** Forgets a backend that is not called any more; calls under way end as they would have. */
  public void forget(String address) {
    limits.remove(address);
  }

  /** The limits by address. */
  public Map<String, GradientLimit> all() {
    return Map.copyOf(limits);
  }
}
