package dev.understudy.router.overload;

import dev.understudy.router.call.Criticality;
import java.util.ArrayDeque;
import java.util.EnumMap;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * A backend of so many servers behind a queue without bound, and callers who come at random and
 * wait until their deadline. What nobody waits for any more is worked off all the same, as by a
 * server that does not hear of cancellations. The clock is the simulation's own.
 */
final class QueueSimulation {
  private static final double SECOND = 1e9;

  final Map<Criticality, Integer> offered = new EnumMap<>(Criticality.class);
  final Map<Criticality, Integer> good = new EnumMap<>(Criticality.class);
  int refused;
  long nowNanos = 1_000_000_000_000L;
  double serviceNanos;

  private final int servers;
  private final long deadlineNanos;
  private final SplittableRandom random;
  private final ArrayDeque<Job> waiting = new ArrayDeque<>();
  private final PriorityQueue<Event> events = new PriorityQueue<>();
  private @Nullable ConcurrencyLimit limit;
  private int busy;
  private long count;

  private enum Kind {
    ANSWER,
    DEADLINE
  }

  private record Event(long at, long order, Kind kind, Job job) implements Comparable<Event> {
    @Override
    public int compareTo(Event other) {
      int byTime = Long.compare(at, other.at);
      return byTime != 0 ? byTime : Long.compare(order, other.order);
    }
  }

  private static final class Job {
    final Criticality criticality;
    final long arrived;
    boolean over;

    Job(Criticality criticality, long arrived) {
      this.criticality = criticality;
      this.arrived = arrived;
    }
  }

  QueueSimulation(int servers, double serviceMillis, double deadlineMillis, long seed) {
    this.servers = servers;
    this.serviceNanos = serviceMillis * 1e6;
    this.deadlineNanos = (long) (deadlineMillis * 1e6);
    this.random = new SplittableRandom(seed);
  }

  void limitedBy(ConcurrencyLimit by) {
    limit = by;
  }

  /** Calls per second that the servers can answer. */
  double capacity() {
    return servers * SECOND / serviceNanos;
  }

  int good() {
    return good.values().stream().mapToInt(n -> n).sum();
  }

  void forget() {
    offered.clear();
    good.clear();
    refused = 0;
  }

  /** Callers come for so long, with these rates per second. */
  void run(double seconds, Map<Criticality, Double> rates) {
    double all = rates.values().stream().mapToDouble(rate -> rate).sum();
    long end = nowNanos + (long) (seconds * SECOND);
    long next = nowNanos + gap(all);
    while (next < end) {
      while (!events.isEmpty() && events.peek().at() <= next) {
        happen(events.remove());
      }
      nowNanos = next;
      arrive(pick(rates, all));
      next += gap(all);
    }
    nowNanos = end;
  }

  private long gap(double rate) {
    return Math.max(1, (long) (-Math.log1p(-random.nextDouble()) * SECOND / rate));
  }

  private Criticality pick(Map<Criticality, Double> rates, double all) {
    double at = random.nextDouble() * all;
    Criticality last = Criticality.DEFAULT;
    for (Map.Entry<Criticality, Double> rate : rates.entrySet()) {
      last = rate.getKey();
      at -= rate.getValue();
      if (at < 0) {
        return last;
      }
    }
    return last;
  }

  private void arrive(Criticality criticality) {
    offered.merge(criticality, 1, Integer::sum);
    if (limit != null && !limit.tryAcquire(criticality)) {
      refused++;
      return;
    }
    Job job = new Job(criticality, nowNanos);
    events.add(new Event(nowNanos + deadlineNanos, count++, Kind.DEADLINE, job));
    waiting.add(job);
    work();
  }

  private void work() {
    while (busy < servers && !waiting.isEmpty()) {
      busy++;
      // Half of it fixed, half exponential: a squared coefficient of variation of 1/4.
      double nanos = serviceNanos * (0.5 - 0.5 * Math.log1p(-random.nextDouble()));
      events.add(new Event(nowNanos + (long) nanos, count++, Kind.ANSWER, waiting.remove()));
    }
  }

  private void happen(Event event) {
    nowNanos = event.at();
    Job job = event.job();
    if (event.kind() == Kind.ANSWER) {
      busy--;
      work();
    }
    if (job.over) {
      return;
    }
    job.over = true;
    boolean answered = event.kind() == Kind.ANSWER;
    if (answered) {
      good.merge(job.criticality, 1, Integer::sum);
    }
    if (limit != null) {
      limit.released(nowNanos - job.arrived, !answered);
    }
  }
}
