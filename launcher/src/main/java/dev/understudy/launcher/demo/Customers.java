package dev.understudy.launcher.demo;

import dev.understudy.loadtest.Arrivals;
import dev.understudy.loadtest.OpenLoop;
import dev.understudy.modelkit.data.CardFraud;
import dev.understudy.proto.tensor.InferResponseView;
import dev.understudy.proto.tensor.ParameterValue;
import dev.understudy.proto.v1.KnownOutcome;
import dev.understudy.proto.v1.OutcomeServiceGrpc;
import dev.understudy.proto.v1.ReportOutcomesRequest;
import io.grpc.Channel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The customers of the demonstration: card payments in an open loop, each asked about once, and
 * what turned out to be true of each, reported some "days" later (one day lasts a second here).
 * They know only the router and the outcome service; what they count, they count from the answers
 * they get.
 */
final class Customers implements AutoCloseable {

  /** One day of the story in real time. */
  static final Duration DAY = Duration.ofSeconds(1);

  private static final int MAX_OUTSTANDING = 4_000;
  private static final String PREDICTION_ID = "understudy_prediction_id";

  private final OpenLoop loop;
  private final OutcomeServiceGrpc.OutcomeServiceBlockingStub outcomes;
  private final double rate;
  private final Thread sender;
  private final Thread reporter;
  private final CardFraud.Stream known = CardFraud.stream(17);
  private final CardFraud.Stream withNewCategories = CardFraud.stream(18, NEW_CATEGORY_SHARE);

  /** Share of payments in categories that no model was trained on, once these begin. */
  static final double NEW_CATEGORY_SHARE = .1;

  private final Map<Long, CardFraud.Case> asked = new ConcurrentHashMap<>();
  private final PriorityQueue<Due> due =
      new PriorityQueue<>(java.util.Comparator.comparingLong(Due::nanoTime));
  private final Map<String, LongAdder> byVersion = new ConcurrentHashMap<>();
  private final Map<Status.Code, LongAdder> errors = new ConcurrentHashMap<>();
  private final AtomicLong answered = new AtomicLong();
  private final AtomicLong reported = new AtomicLong();
  private volatile boolean newCategories;
  private volatile boolean stopped;

  private record Due(long nanoTime, KnownOutcome outcome) {}

  Customers(Channel router, Channel collector, double rate) {
    this.rate = rate;
    this.outcomes = OutcomeServiceGrpc.newBlockingStub(collector);
    this.loop =
        new OpenLoop(router, this::payment, Duration.ofSeconds(5), MAX_OUTSTANDING, new Metadata());
    this.sender = new Thread(this::send, "customers");
    this.reporter = new Thread(this::report, "outcomes");
    sender.setDaemon(true);
    reporter.setDaemon(true);
  }

  void start() {
    sender.start();
    reporter.start();
  }

  /** From now on a tenth of the payments comes from merchant categories that are new. */
  void meetNewCategories(boolean on) {
    newCategories = on;
  }

  /** Calls that were answered. */
  long answered() {
    return answered.get();
  }

  /** Calls answered by a version, as the answers say. */
  long answeredBy(String version) {
    LongAdder count = byVersion.get(version);
    return count == null ? 0 : count.sum();
  }

  /** Calls by version, as the answers say. */
  Map<String, Long> byVersion() {
    Map<String, Long> counts = new TreeMap<>();
    byVersion.forEach((version, count) -> counts.put(version, count.sum()));
    return counts;
  }

  /** Calls that ended with an error. */
  long errors() {
    return errors.values().stream().mapToLong(LongAdder::sum).sum();
  }

  /** Errors by status. */
  Map<Status.Code, Long> errorsByStatus() {
    Map<Status.Code, Long> counts = new TreeMap<>();
    errors.forEach((code, count) -> counts.put(code, count.sum()));
    return counts;
  }

  /** Outcomes that the collector has taken. */
  long outcomesReported() {
    return reported.get();
  }

  private byte[] payment(long n) {
    CardFraud.Case payment = newCategories ? withNewCategories.next() : known.next();
    asked.put(n, payment);
    return Payments.request(payment);
  }

  private void send() {
    long seed = 1;
    try {
      while (!stopped) {
        loop.run(
            new Arrivals(Arrivals.Kind.POISSON, rate, seed++),
            Duration.ofMinutes(10),
            this::ended,
            nanos -> {});
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void ended(
      long n,
      Status status,
      byte @Nullable [] response,
      @Nullable Metadata headers,
      long latencyNanos) {
    CardFraud.Case payment = asked.remove(n);
    if (!status.isOk() || response == null) {
      if (!stopped) {
        errors.computeIfAbsent(status.getCode(), code -> new LongAdder()).increment();
      }
      return;
    }
    answered.incrementAndGet();
    InferResponseView answer = InferResponseView.parse(ByteBuffer.wrap(response));
    byVersion.computeIfAbsent(answer.modelVersion(), v -> new LongAdder()).increment();
    if (answer.parameter(PREDICTION_ID) instanceof ParameterValue.Text id && payment != null) {
      KnownOutcome outcome =
          KnownOutcome.newBuilder()
              .setPredictionId(id.value())
              .setValue(payment.fraud() ? 1 : 0)
              .build();
      long at = System.nanoTime() + payment.outcomeDelayDays() * DAY.toNanos();
      synchronized (due) {
        due.add(new Due(at, outcome));
      }
    }
  }

  private void report() {
    while (!stopped) {
      try {
        TimeUnit.MILLISECONDS.sleep(100);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
      List<KnownOutcome> now = takeDue();
      if (now.isEmpty()) {
        continue;
      }
      try {
        outcomes
            .withDeadlineAfter(5, TimeUnit.SECONDS)
            .reportOutcomes(
                ReportOutcomesRequest.newBuilder()
                    .addAllOutcomes(
                        now.stream()
                            .map(outcome ->
                                outcome.toBuilder()
                                    .setObservedUnixMs(System.currentTimeMillis())
                                    .build())
                            .toList())
                    .build());
        reported.addAndGet(now.size());
      } catch (StatusRuntimeException e) {
        // Reporting is idempotent: what was not taken is reported again with the next batch.
        long again = System.nanoTime();
        synchronized (due) {
          now.forEach(outcome -> due.add(new Due(again, outcome)));
        }
      }
    }
  }

  private List<KnownOutcome> takeDue() {
    List<KnownOutcome> now = new ArrayList<>();
    long time = System.nanoTime();
    synchronized (due) {
      while (true) {
        Due first = due.peek();
        if (first == null || first.nanoTime() - time > 0 || now.size() >= 2_000) {
          return now;
        }
        due.poll();
        now.add(first.outcome());
      }
    }
  }

  @Override
  public void close() {
    stopped = true;
    sender.interrupt();
    reporter.interrupt();
    try {
      sender.join(TimeUnit.SECONDS.toMillis(2));
      reporter.join(TimeUnit.SECONDS.toMillis(2));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
