package dev.understudy.router.auth;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** Counts refusals by reason. Any thread. */
public final class AuthCounts {
  private final Map<AuthRefusal, LongAdder> refusals;

  AuthCounts() {
    Map<AuthRefusal, LongAdder> all = new EnumMap<>(AuthRefusal.class);
    for (AuthRefusal reason : AuthRefusal.values()) {
      all.put(reason, new LongAdder());
    }
    refusals = Collections.unmodifiableMap(all);
  }

  /** Hears one count. */
  @FunctionalInterface
  public interface Reader {
    /** So many refusals for this reason. */
    void count(AuthRefusal reason, long refusals);
  }

  void add(AuthRefusal reason) {
    LongAdder count = refusals.get(reason);
    if (count != null) {
      count.increment();
    }
  }

  /** How many there were for one reason. */
  public long of(AuthRefusal reason) {
    LongAdder count = refusals.get(reason);
    return count == null ? 0 : count.sum();
  }

  /** Tells all counts. */
  public void read(Reader reader) {
    refusals.forEach((reason, count) -> reader.count(reason, count.sum()));
  }
}
