package dev.understudy.router.call;

import dev.understudy.chassis.telemetry.LiveTrace;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the layers want to be known of a call beside its answer: flags, which are recorded with its
 * lineage and told to the client, the demand that a person look at it, and trailers. Most calls
 * have none, and then nothing is allocated. Written by one thread at a time, before the reply.
 */
public final class Notes {
  /** The most flags that are kept of one call. */
  public static final int MOST_FLAGS = 32;

  private @Nullable List<String> flags;
  private @Nullable Map<String, String> trailers;
  private boolean reviewRequired;
  private @Nullable LiveTrace trace;

  /** Notes a flag, such as {@code contract.amount}; the same again has no effect. */
  public void flag(String flag) {
    List<String> all = flags;
    if (all == null) {
      all = new ArrayList<>(2);
      flags = all;
    }
    if (all.size() < MOST_FLAGS && !all.contains(flag)) {
      all.add(flag);
    }
  }

  /** Notes a flag because of which a person should look at the answer. */
  public void review(String flag) {
    reviewRequired = true;
    flag(flag);
  }

  /** Sends a trailer with the answer or the refusal; the name in lower case, the value ASCII. */
  public void trailer(String name, String value) {
    Map<String, String> all = trailers;
    if (all == null) {
      all = new LinkedHashMap<>(4);
      trailers = all;
    }
    all.put(name, value);
  }

  /** The flags, in the order in which they were noted. */
  public List<String> flags() {
    List<String> all = flags;
    return all == null ? List.of() : all;
  }

  /** The trailers. */
  public Map<String, String> trailers() {
    Map<String, String> all = trailers;
    return all == null ? Map.of() : all;
  }

  /** Whether a person should look at the answer. */
  public boolean reviewRequired() {
    return reviewRequired;
  }

  /** Notes that the call is traced. */
  public void trace(@Nullable LiveTrace live) {
    trace = live;
  }

  /** The call's trace; null for most calls, which are not traced. */
  public @Nullable LiveTrace trace() {
    return trace;
  }
}
