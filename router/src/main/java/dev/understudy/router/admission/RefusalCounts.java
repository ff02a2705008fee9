package dev.understudy.router.admission;

import dev.understudy.router.call.Criticality;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;

/** Calls that were refused before any backend knew of them, by cause and class. Any thread. */
public final class RefusalCounts {
  /** Why a call was refused. */
  public enum Cause {
    /** A quota of requests was used up. */
    REQUEST_QUOTA("request_quota"),
    /** A quota of bytes was used up, or the message is larger than its burst. */
    BYTE_QUOTA("byte_quota"),
    /** Too many calls were in flight. */
    CALLS("calls_in_flight"),
    /** Too many bytes were in flight. */
    BYTES("bytes_in_flight"),
    /** The deadline had passed on arrival. */
    DEADLINE_PASSED("deadline_passed"),
    /** Too little time was left for the model. */
    DEADLINE_TOO_SHORT("deadline_too_short"),
    /** The backends had as many calls as they can take. */
    BACKENDS_BUSY("backends_busy");

    private final String word;

    Cause(String word) {
      this.word = word;
    }

    /** As metrics have it. */
    public String word() {
      return word;
    }
  }

  /** Takes what was counted. */
  @FunctionalInterface
  public interface Reader {
    /** One cause and class. */
    void read(Cause cause, Criticality criticality, long calls);
  }

  private final Map<Cause, Map<Criticality, AtomicLong>> counts = new EnumMap<>(Cause.class);

  /** All at 0. */
  public RefusalCounts() {
    for (Cause cause : Cause.values()) {
      Map<Criticality, AtomicLong> classes = new EnumMap<>(Criticality.class);
      for (Criticality criticality : Criticality.values()) {
        classes.put(criticality, new AtomicLong());
      }
      counts.put(cause, classes);
    }
  }

  /** Counts one. */
  public void count(Cause cause, Criticality criticality) {
    at(cause, criticality).incrementAndGet();
  }

  /** How many there were. */
  public long get(Cause cause, Criticality criticality) {
    return at(cause, criticality).get();
  }

  /** Reads all of them. */
  public void read(Reader reader) {
    counts.forEach((cause, classes) ->
        classes.forEach((criticality, calls) -> reader.read(cause, criticality, calls.get())));
  }

  private AtomicLong at(Cause cause, Criticality criticality) {
    return Objects.requireNonNull(
        Objects.requireNonNull(counts.get(cause)).get(criticality), "every pair has one");
  }
}
