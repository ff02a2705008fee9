package dev.understudy.comparator.worker;

import dev.understudy.chassis.lifecycle.Lifecycle;
import dev.understudy.chassis.rpc.Backoff;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.chassis.rpc.ResilientStream;
import dev.understudy.chassis.security.TlsContexts;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.comparator.config.ComparatorConfig;
import dev.understudy.comparator.pairs.PairWorker;
import dev.understudy.comparator.telemetry.Counters;
import dev.understudy.proto.v1.EvidenceIntakeGrpc;
import dev.understudy.proto.v1.EvidenceServiceGrpc;
import io.grpc.BindableService;
import io.grpc.ManagedChannel;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.random.RandomGenerator;

/**
 * The half of a comparator that measures pairs, without logs and verdicts: it follows the judge's
 * evaluations and brings it a tally a second. Everything it holds is a sample or told again by the
 * judge, so it may be killed at any time.
 */
public final class Worker {
  private static final long OUTBOX_BYTES = 64L << 20;
  private static final Duration FLUSH = Duration.ofSeconds(1);

  private final List<BindableService> services;
  private final PairWorker pairs;
  private final TallyOutbox outbox;

  private Worker(List<BindableService> services, PairWorker pairs, TallyOutbox outbox) {
    this.services = services;
    this.pairs = pairs;
    this.outbox = outbox;
  }

  /**
   * Starts measuring for this judge; the lifecycle ends it.
   *
   * @param scheduler stays the caller's
   * @param tls of the connection to the judge
   */
  public static Worker start(
      ComparatorConfig config,
      ComparatorConfig.Judge judge,
      TimeSource time,
      Scheduler scheduler,
      TlsContexts tls,
      Counters counters,
      Lifecycle lifecycle) {
    RandomGenerator random = new SecureRandom();
    String bootId = UUID.randomUUID().toString();
    // Workers need no names of their own: the start tells them apart.
    TallyOutbox outbox = new TallyOutbox("worker-" + bootId, bootId, OUTBOX_BYTES, counters);
    ManagedChannel channel =
        Channels.open(
            judge.address(),
            ChannelOptions.plaintext()
                .withTls(judge.tls())
                .withTlsContexts(tls)
                .withToken(judge.token()));
    lifecycle.add("channel to the judge", () -> Channels.close(channel, Duration.ofSeconds(1)));
    var tallies =
        lifecycle.add(
            "tallies",
            new ResilientStream<>(
                channel,
                EvidenceIntakeGrpc.getSendTalliesMethod(),
                Backoff.DEFAULT,
                scheduler,
                time,
                random,
                outbox));
    PairWorker pairs =
        lifecycle.add(
            "pairs", new PairWorker(config.comparisonQueueBytes(), counters, outbox::add));
    var evaluations =
        lifecycle.add(
            "evaluations",
            new ResilientStream<>(
                channel,
                EvidenceServiceGrpc.getWatchEvaluationsMethod(),
                Backoff.DEFAULT,
                scheduler,
                time,
                random,
                new EvaluationFollower(pairs)));
    pairs.start();
    tallies.start();
    evaluations.start();
    var _ = scheduler.every(FLUSH, "hand over pairs", pairs::flush);
    return new Worker(
        List.of(
            new WorkerIntakeService(pairs, judge.address()),
            new WorkerQueryService(judge.address())),
        pairs,
        outbox);
  }

  /** What routers reach. */
  public List<BindableService> services() {
    return services;
  }

  /** Rollouts whose comparisons are measured. */
  public int evaluations() {
    return pairs.evaluations();
  }

  /** Tallies that the judge has not acknowledged. */
  public int waiting() {
    return outbox.size();
  }
}
