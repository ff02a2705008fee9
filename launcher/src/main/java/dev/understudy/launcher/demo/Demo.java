package dev.understudy.launcher.demo;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.modelkit.FraudModels;
import dev.understudy.modelkit.FraudReport;
import dev.understudy.proto.v1.ArmReport;
import dev.understudy.proto.v1.DecisionRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.EvidenceServiceGrpc;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.proto.v1.RolloutRequest;
import dev.understudy.proto.v1.RolloutServiceGrpc;
import dev.understudy.proto.v1.RolloutServiceGrpc.RolloutServiceBlockingStub;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.proto.v1.SliceReport;
import dev.understudy.proto.v1.StartRolloutRequest;
import dev.understudy.proto.v1.SwapSet;
import dev.understudy.proto.v1.VerifyAuditRequest;
import dev.understudy.proto.v1.VerifyAuditResponse;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthGrpc;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Three rollouts on live traffic, as processes on this machine. Nothing is scripted but the traffic
 * and the plans: what happens to each challenger follows from the evidence.
 */
public final class Demo {

  /** All three acts ended as they should. */
  public static final int AS_EXPECTED = 0;

  /** An act ended otherwise. */
  public static final int OTHERWISE = 1;

  /** In some act the evidence did not suffice in its time, and no act ended wrongly. */
  public static final int UNDECIDED = 3;

  private static final long SEED = 7;

  private final Narrator narrator;
  private final Path directory;
  private final double rate;
  private final int pagePort;

  /**
   * A demonstration.
   *
   * @param directory for models, logs and state
   * @param rate payments per second
   * @param pagePort of the live page; 0 takes a free one
   */
  public Demo(PrintWriter out, boolean terminal, Path directory, double rate, int pagePort) {
    this.narrator = new Narrator(out, terminal);
    this.directory = directory;
    this.rate = rate;
    this.pagePort = pagePort;
  }

  /**
   * Runs the three acts.
   *
   * @param keep whether to go on serving afterwards until interrupted
   * @return one of the exit codes above
   */
  public int run(boolean keep) throws IOException, InterruptedException {
    narrator.say("Models: four versions of a card-fraud detector, trained from seed " + SEED);
    FraudReport models = FraudModels.writeRepository(directory.resolve("models"), SEED);
    for (FraudReport.Version version : models.versions()) {
      narrator.line(
          String.format(
              Locale.ROOT,
              "         version %d  AUC %.3f  Brier %.4f  %s",
              version.version(),
              version.auc(),
              version.brier(),
              version.summary()));
    }
    narrator.say("Starting a router, control, and three model servers as processes on loopback");
    Path run = directory.resolve("run");
    clear(run);
    try (Stage stage = Stage.open(run, directory.resolve("models"), pagePort)) {
      return play(stage, keep);
    }
  }

  /** Each showing begins anew: what an earlier one decided would be remembered, as it should be. */
  private static void clear(Path run) throws IOException {
    if (!Files.exists(run)) {
      return;
    }
    try (Stream<Path> files = Files.walk(run)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  /** A router that listens may still wait for its first table. */
  private static void awaitServing(ManagedChannel router) throws IOException {
    Context.CancellableContext waiting = Context.current().withCancellation();
    Context before = waiting.attach();
    try {
      Iterator<HealthCheckResponse> states =
          HealthGrpc.newBlockingStub(router)
              .withDeadlineAfter(Stage.START_LIMIT)
              .watch(HealthCheckRequest.getDefaultInstance());
      while (states.hasNext()) {
        if (states.next().getStatus() == HealthCheckResponse.ServingStatus.SERVING) {
          return;
        }
      }
      throw new IOException("the router ended its health before it served");
    } catch (StatusRuntimeException e) {
      throw new IOException(
          "the router does not serve after " + Stage.START_LIMIT.toSeconds() + " s", e);
    } finally {
      waiting.detach(before);
      waiting.cancel(null);
    }
  }

  private int play(Stage stage, boolean keep) throws IOException, InterruptedException {
    List<ManagedChannel> channels = new ArrayList<>();
    ManagedChannel router = open(channels, stage.routerPort("grpc"));
    ManagedChannel controller = open(channels, stage.housePort("controller"));
    ManagedChannel comparator = open(channels, stage.housePort("comparator"));
    ManagedChannel collector = open(channels, stage.housePort("collector"));
    String page = "http://127.0.0.1:" + stage.housePort("http") + "/";
    narrator.say("Watch it live: " + page);
    awaitServing(router);
    List<ActRecord> acts = new ArrayList<>();
    try (Customers customers = new Customers(router, collector, rate)) {
      customers.start();
      narrator.say(
          String.format(
              Locale.ROOT,
              "%.0f payments a second; what was fraud becomes known 1 to 12 days later (one day"
                  + " lasts a second here)",
              rate));
      warmUp(customers);
      for (Act act : Act.values()) {
        acts.add(perform(act, customers, controller, comparator));
        if (acts.getLast().ending() == Act.Ending.UNDECIDED) {
          stop(controller, acts.getLast());
        }
        customers.meetNewCategories(false);
      }
      curtain(acts, customers, controller, page);
      int code = code(acts, customers);
      if (keep) {
        narrator.line("Everything goes on running; stop it with Ctrl-C.");
        Thread.sleep(Long.MAX_VALUE);
      }
      return code;
    } finally {
      narrator.live(null);
      channels.forEach(ManagedChannel::shutdownNow);
    }
  }

  private static ManagedChannel open(List<ManagedChannel> channels, int port) {
    ManagedChannel channel =
        Channels.open(new HostPort("127.0.0.1", port), ChannelOptions.plaintext());
    channels.add(channel);
    return channel;
  }

  /**
   * The champion serves alone for a moment, so that the first act does not judge cold processes.
   */
  private void warmUp(Customers customers) throws InterruptedException {
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(4);
    while (System.nanoTime() - until < 0) {
      TimeUnit.MILLISECONDS.sleep(200);
      narrator.live(
          String.format(
              Locale.ROOT, "version 1 serves alone · %,d answered", customers.answered()));
    }
    narrator.say(
        String.format(
            Locale.ROOT,
            "Version 1 serves: %,d payments answered, %d errors",
            customers.answered(),
            customers.errors()));
  }

  private ActRecord perform(
      Act act, Customers customers, ManagedChannel controllerChannel, ManagedChannel comparator) {
    var controller = RolloutServiceGrpc.newBlockingStub(controllerChannel);
    narrator.heading("Act " + act.number() + " · " + act.title());
    StartRolloutRequest request =
        StartRolloutRequest.newBuilder()
            .setPlanYaml(act.plan())
            .setActor("demo")
            .setRequestsPerSecond(rate)
            .build();
    if (act.number() == 1) {
      narrator.say("Forecast, before anything is sent:");
      controller
          .forecast(request)
          .getText()
          .lines()
          .forEach(line -> narrator.line("           " + line));
    }
    long answeredBefore = customers.answeredBy(act.challenger());
    long errorsBefore = customers.errors();
    double began = narrator.seconds();
    RolloutStatus first = controller.startRollout(request);
    Iterator<RolloutStatus> statuses =
        controller.watchRollout(
            RolloutRequest.newBuilder().setRolloutId(first.getRolloutId()).build());
    RolloutStatus status = first;
    int decisionsTold = 0;
    int highestWeight = 0;
    Act.@Nullable Ending ending = null;
    while (ending == null && statuses.hasNext()) {
      status = statuses.next();
      for (; decisionsTold < status.getDecisionsCount(); decisionsTold++) {
        tell(status.getDecisions(decisionsTold), act);
      }
      highestWeight = Math.max(highestWeight, status.getCanaryWeightBp());
      if (act == Act.FAILING && status.getCanaryWeightBp() >= 2_500) {
        customers.meetNewCategories(true);
      }
      live(act, status, customers);
      ending = Act.ending(status, highestWeight);
    }
    narrator.live(null);
    if (ending == Act.Ending.ROLLED_BACK) {
      status = inForce(controller, status);
    }
    EvidenceReport evidence = status.getEvidence();
    for (MetricReport metric : evidence.getMetricsList()) {
      narrator.line("           " + metric.getName() + ": " + metric.getStatement());
    }
    ActRecord record =
        new ActRecord(
            act,
            ending == null ? Act.Ending.UNDECIDED : ending,
            status,
            customers.answeredBy(act.challenger()) - answeredBefore,
            customers.errors() - errorsBefore,
            narrator.seconds() - began,
            RuleOfThumb.verdict(
                EvidenceServiceGrpc.newBlockingStub(comparator), status.getRolloutId()));
    tellEnd(record);
    return record;
  }

  private void tell(DecisionRecord decision, Act act) {
    String what =
        switch (decision.getPhase()) {
          case SHADOWING -> "version " + act.challenger() + " in the shadow";
          case PROGRESSING ->
              String.format(Locale.ROOT, "canary %.0f %%", decision.getCanaryWeightBp() / 100.0);
          case PROMOTING -> "promoting version " + act.challenger();
          case WATCHING -> "version " + act.challenger() + " is champion, watched";
          case HEALTHY -> "version " + act.challenger() + " is champion";
          case ABORTING, DEGRADED -> "STOPPED";
          case PAUSED -> "PAUSED";
          default -> decision.getPhase().name().toLowerCase(Locale.ROOT);
        };
    narrator.say(what + (decision.getReason().isEmpty() ? "" : " · " + decision.getReason()));
  }

  private void live(Act act, RolloutStatus status, Customers customers) {
    narrator.live(
        String.format(
            Locale.ROOT,
            "act %d · %s · %,d answered, %d errors",
            act.number(),
            status.getHeadline(),
            customers.answered(),
            customers.errors()));
  }

  private void tellEnd(ActRecord record) {
    EvidenceReport evidence = record.last().getEvidence();
    if (record.act() == Act.WRONG) {
      SwapSet swap = evidence.getSwapSet();
      narrator.line(
          String.format(
              Locale.ROOT,
              "           of %,d compared payments it would have flagged %,d that the champion"
                  + " passes, and passed %,d that the champion flags",
              swap.getPairs(),
              swap.getToPositive(),
              swap.getToNegative()));
      if (evidence.getSlicesCount() > 0) {
        SliceReport worst = evidence.getSlices(0);
        narrator.line(
            String.format(
                Locale.ROOT,
                "           worst slice: %s %s, %.0f %% of %,d decisions changed",
                worst.getLabel().getSlice(),
                worst.getLabel().getValue(),
                worst.getChangedShare() * 100,
                worst.getPairs()));
      }
      narrator.line(
          String.format(
              Locale.ROOT,
              "           customers answered by version %s: %,d",
              record.act().challenger(),
              record.answeredByChallenger()));
    }
    if (record.act() == Act.FAILING) {
      String time = rollbackTime(record.last());
      narrator.line(
          "           "
              + (time == null
                  ? "no time of a rollback is known"
                  : "from the first bad answer to 0 %: " + time)
              + String.format(Locale.ROOT, "; errors that customers saw: %,d", record.errors()));
    }
    narrator.say(
        record.asExpected()
            ? String.format(Locale.ROOT, "Act %d ended as it should.", record.act().number())
            : String.format(
                Locale.ROOT,
                "Act %d ended otherwise: %s, expected %s.",
                record.act().number(),
                words(record.ending()),
                words(record.act().expected())));
  }

  private static String words(Act.Ending ending) {
    return ending.name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }

  /** The status once the router has said when the stop was in force there, or after two seconds. */
  private static RolloutStatus inForce(
      RolloutServiceBlockingStub controller, RolloutStatus status) {
    RolloutStatus latest = status;
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(2);
    while (rollbackTime(latest) == null && System.nanoTime() - until < 0) {
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
      latest =
          controller.getRollout(
              RolloutRequest.newBuilder().setRolloutId(status.getRolloutId()).build());
    }
    return latest;
  }

  /**
   * Between the first bad answer in the canary and the moment the last router had the stop in
   * force.
   */
  private static @Nullable String rollbackTime(RolloutStatus status) {
    long firstBad =
        status.getEvidence().getArmsList().stream()
            .filter(arm -> arm.getRole() == Role.CANARY && arm.getFirstBadUnixMs() > 0)
            .mapToLong(ArmReport::getFirstBadUnixMs)
            .min()
            .orElse(0);
    long inForce =
        status.getDecisionsList().stream()
            .filter(decision ->
                decision.getPhase() == Phase.ABORTING || decision.getPhase() == Phase.DEGRADED)
            .mapToLong(DecisionRecord::getAppliedUnixMs)
            .filter(at -> at > 0)
            .min()
            .orElse(0);
    return firstBad == 0 || inForce == 0
        ? null
        : String.format(Locale.ROOT, "%.1f s", (inForce - firstBad) / 1e3);
  }

  /** Stops a rollout that waits for people, and waits until its model is free for the next act. */
  private static void stop(ManagedChannel channel, ActRecord record) {
    var controller = RolloutServiceGrpc.newBlockingStub(channel);
    String rolloutId = record.last().getRolloutId();
    controller.abort(
        dev.understudy.proto.v1.RolloutCommand.newBuilder()
            .setRolloutId(rolloutId)
            .setActor("demo")
            .setReason("the demonstration goes on")
            .build());
    Iterator<RolloutStatus> statuses =
        controller
            .withDeadlineAfter(30, TimeUnit.SECONDS)
            .watchRollout(RolloutRequest.newBuilder().setRolloutId(rolloutId).build());
    boolean over = false;
    while (!over && statuses.hasNext()) {
      over = statuses.next().getPhase() == Phase.DEGRADED;
    }
  }

  /** Every limit of a plan that was used, as the controller has it. */
  private void limits(RolloutPlan plan) {
    String first = "  limits ";
    for (MetricSpec metric : plan.getMetricsList()) {
      narrator.line(first + metric.getName() + ": " + limit(metric));
      first = "         ";
    }
    narrator.line(
        String.format(
            Locale.ROOT,
            "         α = %s: of a hundred harmless versions at most %.0f is stopped;"
                + " β = %s: one beyond a limit passes it at most %.0f times in a hundred",
            plan.getAlpha(),
            plan.getAlpha() * 100,
            plan.getBeta(),
            plan.getBeta() * 100));
  }

  private static String limit(MetricSpec metric) {
    return switch (metric.getKind()) {
      case FAILURES ->
          String.format(Locale.ROOT, "at most %.1f points more", metric.getMargin() * 100);
      case LATENCY ->
          String.format(
              Locale.ROOT,
              "p%.0f at most %.0f %% higher",
              metric.getQuantile() * 100,
              metric.getMargin() * 100);
      case CHANGED_DECISIONS ->
          String.format(Locale.ROOT, "at most %.0f %% of decisions", metric.getMargin() * 100);
      case QUALITY ->
          String.format(
              Locale.ROOT,
              "mean %s loss at most %s higher",
              metric.getLoss().name().toLowerCase(Locale.ROOT),
              metric.getMargin());
      default -> "at most " + metric.getMargin();
    };
  }

  private void curtain(
      List<ActRecord> acts, Customers customers, ManagedChannel controller, String page) {
    narrator.heading("What happened");
    for (ActRecord record : acts) {
      narrator.line(
          String.format(
              Locale.ROOT,
              "  act %d  %s  %-20s in %4.1f s; a threshold rule would %s",
              record.act().number(),
              record.asExpected() ? "✓" : "✗",
              words(record.ending()),
              record.seconds(),
              record.rule()));
    }
    narrator.line("         threshold rule: errors > 1.5 × champion in a window of 500 requests");
    StringBuilder versions = new StringBuilder();
    customers
        .byVersion()
        .forEach((version, count) ->
            versions.append(
                String.format(
                    Locale.ROOT,
                    "%sversion %s %,d",
                    versions.isEmpty() ? "" : ", ",
                    version,
                    count)));
    narrator.line(
        String.format(
            Locale.ROOT,
            "  calls  %,d answered (%s), %,d errors%s",
            customers.answered(),
            versions,
            customers.errors(),
            customers.errors() == 0 ? "" : " " + customers.errorsByStatus()));
    narrator.line(
        String.format(
            Locale.ROOT,
            "  truth  %,d outcomes reported; %,d reached a verdict, %,d of them with the copy's"
                + " answer to the same payment",
            customers.outcomesReported(),
            acts.stream().mapToLong(act -> act.last().getEvidence().getLabels()).sum(),
            acts.stream().mapToLong(act -> act.last().getEvidence().getLabelsPaired()).sum()));
    VerifyAuditResponse audit =
        RolloutServiceGrpc.newBlockingStub(controller)
            .verifyAudit(VerifyAuditRequest.getDefaultInstance());
    narrator.line(
        audit.getIntact()
            ? String.format(
                Locale.ROOT, "  audit  chain of %,d records verified", audit.getRecords())
            : "  audit  BROKEN at record " + audit.getFirstBadSequence());
    limits(acts.getFirst().last().getPlan());
    narrator.heading("Next");
    narrator.line("  ./understudy demo --keep             keep it running and look at " + page);
    narrator.line(
        "  ./understudy models my-models        make the example repository and serve it:");
    narrator.line("  ./understudy model-server --model-repository my-models");
  }

  private static int code(List<ActRecord> acts, Customers customers) {
    boolean wrong =
        acts.stream().anyMatch(act -> !act.asExpected() && act.ending() != Act.Ending.UNDECIDED);
    boolean harmed =
        acts.stream().anyMatch(act -> act.act() == Act.WRONG && act.answeredByChallenger() > 0);
    if (wrong || harmed) {
      return OTHERWISE;
    }
    if (!acts.stream().allMatch(ActRecord::asExpected)) {
      return UNDECIDED;
    }
    return customers.errors() == 0 ? AS_EXPECTED : OTHERWISE;
  }
}
