package dev.understudy.collector.latency;

import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.v1.LineageRecord;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.Role;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How many calls each arm was given, answered and spoiled, from the records of calls. Per second
 * for fifteen minutes, and in all since the start. Safe for use by any thread.
 */
public final class Traffic {
  /** What the caller sees of a call, as a stage beside those that services measure. */
  public static final String CALL = "call";

  private static final String SERVICE = "caller";
  private static final int SECONDS = 900;
  private static final int MAX_ARMS = 256;

  private final TimeSource time;
  private final Latencies latencies;
  private final Map<Arm, Counts> arms = new LinkedHashMap<>();
  private final Map<String, Map<Integer, Long>> statuses = new LinkedHashMap<>();
  private long refused;

  /** An arm of a model as calls saw it. */
  public record Arm(String model, Role role, String version) {}

  /**
   * Calls of an arm.
   *
   * @param assigned given to it by the split
   * @param answered answered by it
   * @param bad given to it, and its attempt failed
   * @param failed answered by it, and the caller received an error
   */
  public record Sum(long assigned, long answered, long bad, long failed) {
    Sum plus(Sum more) {
      return new Sum(
          assigned + more.assigned, answered + more.answered, bad + more.bad, failed + more.failed);
    }
  }

  private static final class Counts {
    private Sum total = new Sum(0, 0, 0, 0);
    private final long[] second = new long[SECONDS];
    private final Sum[] sums = new Sum[SECONDS];

    void add(Sum sum, long now) {
      total = total.plus(sum);
      int slot = Math.floorMod(now, SECONDS);
      boolean current = second[slot] == now && sums[slot] != null;
      sums[slot] = current ? sums[slot].plus(sum) : sum;
      second[slot] = now;
    }

    Sum at(long when) {
      int slot = Math.floorMod(when, SECONDS);
      return second[slot] == when && sums[slot] != null ? sums[slot] : new Sum(0, 0, 0, 0);
    }
  }

  /** Nothing yet; the latency of calls goes to the other. */
  public Traffic(TimeSource time, Latencies latencies) {
    this.time = time;
    this.latencies = latencies;
  }

  /** The series in which the latency of an arm's calls is kept. */
  public static SeriesKey callsOf(Arm arm) {
    return new SeriesKey(SERVICE, CALL, arm.model, arm.role, arm.version);
  }

  /** Counts calls that have been stored. */
  public void add(List<LineageRecord> records) {
    synchronized (this) {
      for (LineageRecord record : records) {
        count(record);
      }
    }
    for (LineageRecord record : records) {
      if (record.getLatencyNanos() > 0) {
        latencies.record(
            callsOf(new Arm(record.getModel(), record.getAnsweredRole(), record.getVersion())),
            record.getLatencyNanos(),
            record.getUnixMs());
      }
    }
  }

  /** The arms of a model in the order of first sight. */
  public synchronized List<Arm> arms(String model) {
    return arms.keySet().stream().filter(arm -> arm.model.equals(model)).toList();
  }

  /** The models that were called. */
  public synchronized List<String> models() {
    return arms.keySet().stream().map(Arm::model).distinct().toList();
  }

  /** Since the start. */
  public synchronized Sum total(Arm arm) {
    Counts counts = arms.get(arm);
    return counts == null ? new Sum(0, 0, 0, 0) : counts.total;
  }

  /** In the last whole seconds, at most 900. */
  public synchronized Sum recent(Arm arm, int seconds) {
    Counts counts = arms.get(arm);
    Sum sum = new Sum(0, 0, 0, 0);
    if (counts != null) {
      long now = time.wallMillis() / 1000;
      for (int i = 1; i <= Math.min(seconds, SECONDS - 1); i++) {
        sum = sum.plus(counts.at(now - i));
      }
    }
    return sum;
  }

  /** The last whole seconds one by one, oldest first. */
  public synchronized List<Sum> course(Arm arm, int seconds) {
    Counts counts = arms.get(arm);
    List<Sum> course = new ArrayList<>();
    long now = time.wallMillis() / 1000;
    for (int i = Math.min(seconds, SECONDS - 1); i >= 1; i--) {
      course.add(counts == null ? new Sum(0, 0, 0, 0) : counts.at(now - i));
    }
    return course;
  }

  /** Calls of a model by the gRPC status code that the caller received. */
  public synchronized Map<Integer, Long> statuses(String model) {
    return Map.copyOf(statuses.getOrDefault(model, Map.of()));
  }

  /** Records of arms beyond the bound of 256. */
  public synchronized long refused() {
    return refused;
  }

  private void count(LineageRecord record) {
    long second = time.wallMillis() / 1000;
    boolean bad = record.getOutcome().getNumber() >= Outcome.BAD_UNAVAILABLE_VALUE;
    boolean failed = record.getStatusCode() != 0;
    Arm answered = new Arm(record.getModel(), record.getAnsweredRole(), record.getVersion());
    if (record.getAssignedRole() == record.getAnsweredRole()) {
      add(answered, new Sum(1, 1, bad ? 1 : 0, failed ? 1 : 0), second);
    } else {
      add(answered, new Sum(0, 1, 0, failed ? 1 : 0), second);
      add(
          new Arm(record.getModel(), record.getAssignedRole(), versionOf(record)),
          new Sum(1, 0, bad ? 1 : 0, 0),
          second);
    }
    if (statuses.size() < MAX_ARMS || statuses.containsKey(record.getModel())) {
      statuses
          .computeIfAbsent(record.getModel(), model -> new LinkedHashMap<>())
          .merge(Math.clamp(record.getStatusCode(), 0, 17), 1L, Long::sum);
    }
  }

  /**
   * The record names the version that answered; that of the arm it was given to is the newest seen.
   */
  private String versionOf(LineageRecord record) {
    String version = "";
    for (Arm arm : arms.keySet()) {
      if (arm.model.equals(record.getModel()) && arm.role == record.getAssignedRole()) {
        version = arm.version;
      }
    }
    return version;
  }

  private void add(Arm arm, Sum sum, long second) {
    Counts counts = arms.get(arm);
    if (counts == null) {
      if (arms.size() >= MAX_ARMS) {
        refused++;
        return;
      }
      counts = new Counts();
      arms.put(arm, counts);
    }
    counts.add(sum, second);
  }
}
