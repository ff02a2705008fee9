package dev.understudy.launcher.doctor;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelReadyRequest;
import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.GetTableResponse;
import dev.understudy.proto.v1.ListRoutersResponse;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RouterState;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Looks at machine, disks and services, and at how they fit together: clocks, routing tables,
 * evidence on its way, and versions that are asked for. Changes nothing anywhere. Services are
 * asked side by side, each within a few seconds.
 */
public final class Doctor {
  private static final double FAR_MILLIS = 50;
  private static final long MANY_BLOCKS = 10;
  private static final int MOST_VERSIONS = 256;
  private static final long PATIENCE_SECONDS = 3;

  private Doctor() {}

  /** Looks at everything, in the order in which one would. */
  public static List<Finding> examine(Subjects subjects) throws InterruptedException {
    List<Finding> findings =
        new ArrayList<>(
            Machine.look(
                Runtime.version().feature(),
                Runtime.getRuntime().availableProcessors(),
                Runtime.getRuntime().maxMemory(),
                Machine.CONTROL_GROUP));
    for (Map.Entry<Path, String> folder : subjects.folders().entrySet()) {
      findings.add(Folder.look(folder.getValue(), folder.getKey()));
    }
    List<Checkup> checkups =
        all(
            subjects.peers().stream()
                .<Callable<Checkup>>map(p -> () -> new Checkup(p).run())
                .toList());
    checkups.forEach(checkup -> findings.addAll(checkup.findings));
    findings.addAll(clocks(checkups));
    findings.addAll(tables(checkups));
    findings.addAll(versions(checkups, subjects));
    return findings;
  }

  private static <T> List<T> all(List<Callable<T>> tasks) throws InterruptedException {
    List<T> results = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Future<T> future : threads.invokeAll(tasks)) {
        results.add(future.get());
      }
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    }
    return results;
  }

  private static List<Finding> clocks(List<Checkup> checkups) {
    Map<String, Pulse.Ahead> told = new LinkedHashMap<>();
    told.put("this machine", new Pulse.Ahead(0, 0));
    for (Checkup checkup : checkups) {
      Pulse pulse = checkup.pulse;
      if (pulse != null && pulse.ahead() != null) {
        told.put(checkup.peer.name(), pulse.ahead());
      }
    }
    return told.size() < 2 ? List.of() : List.of(clocks(told));
  }

  /** Judges the two clocks that are furthest apart for certain. */
  static Finding clocks(Map<String, Pulse.Ahead> told) {
    double widest = 0;
    double uncertainty = Double.POSITIVE_INFINITY;
    String who = "";
    for (Map.Entry<String, Pulse.Ahead> a : told.entrySet()) {
      for (Map.Entry<String, Pulse.Ahead> b : told.entrySet()) {
        double apart = a.getValue().millis() - b.getValue().millis();
        double off = a.getValue().uncertaintyMillis() + b.getValue().uncertaintyMillis();
        if (!a.getKey().equals(b.getKey()) && apart >= 0 && apart - off > widest - uncertainty) {
          widest = apart;
          uncertainty = off;
          who = a.getKey() + " is ahead of " + b.getKey();
        }
      }
    }
    String text =
        widest <= uncertainty
            ? String.format(
                Locale.ROOT, "%d clocks agree as far as can be seen from here", told.size())
            : String.format(Locale.ROOT, "%s by %.0f ± %.0f ms", who, widest, uncertainty);
    return widest - uncertainty > FAR_MILLIS
        ? Finding.warn(
            "clock",
            "all services",
            text,
            "let chrony or ntpd set the clocks: evidence is joined by the second")
        : Finding.ok("clock", "all services", text);
  }

  private static List<Finding> tables(List<Checkup> checkups) {
    List<Finding> findings = new ArrayList<>();
    for (Checkup checkup : checkups) {
      GetTableResponse router = checkup.router;
      if (router != null) {
        findings.addAll(router(checkup.peer.name(), router.getState(), null));
      }
      ListRoutersResponse controller = checkup.controller;
      if (controller == null) {
        continue;
      }
      if (controller.getRoutersCount() == 0) {
        findings.add(
            Finding.warn(
                "table",
                checkup.peer.name(),
                "no router has connected yet",
                "set 'controller' in router.yaml to this address"));
      }
      for (RouterState state : controller.getRoutersList()) {
        findings.addAll(
            router(
                "router '" + state.getRouter() + "' as " + checkup.peer.name() + " sees it",
                state,
                controller));
      }
    }
    return findings;
  }

  /**
   * Judges what a router runs.
   *
   * @param wanted the controller's answer; null when the router itself was asked
   */
  static List<Finding> router(
      String subject, RouterState state, @Nullable ListRoutersResponse wanted) {
    List<Finding> findings = new ArrayList<>();
    String runs = "revision " + state.getAppliedEpoch() + "/" + state.getAppliedRevision();
    if (wanted != null && !state.getConnected()) {
      findings.add(
          Finding.warn(
              "table",
              subject,
              "has gone away; it ran " + runs,
              "see whether it should be there: until its lease ends it goes on as it was"));
      return findings;
    }
    boolean behind =
        wanted != null
            && (state.getAppliedEpoch() != wanted.getEpoch()
                || state.getAppliedRevision() != wanted.getRevision());
    if (!state.getRefusal().isEmpty()) {
      findings.add(
          Finding.fail(
              "table",
              subject,
              "refused a table and goes on with " + runs + ": " + state.getRefusal(),
              "correct what the text names, or bring router and controller to one release"));
    } else if (behind && wanted != null) {
      findings.add(
          Finding.warn(
              "table",
              subject,
              runs + ", wanted is " + wanted.getEpoch() + "/" + wanted.getRevision(),
              "ask again in a few seconds; then see the router's log"));
    } else if (state.getAppliedRevision() == 0) {
      findings.add(
          Finding.fail(
              "table",
              subject,
              "has no table, so it serves nothing",
              "see that it reaches its controller, and that the controller has a champion"));
    } else {
      findings.add(Finding.ok("table", subject, runs + (wanted == null ? "" : ", as wanted")));
    }
    if (state.getLeaseExpired()) {
      findings.add(
          Finding.warn(
              "lease",
              subject,
              "is over: champions answer everything",
              "see that the router reaches its controller"));
    }
    if (state.getChampionOnlyCount() > 0) {
      findings.add(
          Finding.warn(
              "champion-only",
              subject,
              "held by hand: " + String.join(", ", state.getChampionOnlyList()),
              "understudy router champion-only MODEL --lift, when the trouble is over"));
    }
    long blocks = state.getEvidenceBlocksUnacknowledged();
    findings.add(
        blocks > MANY_BLOCKS || blocks < 0
            ? Finding.warn(
                "evidence",
                subject,
                Long.toUnsignedString(blocks) + " blocks (seconds) wait for the comparator",
                "see that the comparator runs and takes them: beyond 'queues.evidenceBlocks' the"
                    + " oldest are lost")
            : Finding.ok("evidence", subject, blocks + " blocks wait for the comparator"));
    return findings;
  }

  private static List<Finding> versions(List<Checkup> checkups, Subjects subjects)
      throws InterruptedException {
    Map<String, Callable<Finding>> questions = new LinkedHashMap<>();
    for (Checkup checkup : checkups) {
      GetTableResponse router = checkup.router;
      if (router == null) {
        continue;
      }
      for (ModelRoute route : router.getTable().getModelsList()) {
        for (Arm arm : route.getArmsList()) {
          for (String endpoint : arm.getEndpointsList()) {
            String model =
                arm.getUpstreamModel().isEmpty() ? route.getModel() : arm.getUpstreamModel();
            if (questions.size() < MOST_VERSIONS) {
              questions.putIfAbsent(
                  model + "/" + version(arm) + "@" + endpoint,
                  () -> version(model, arm, endpoint, subjects));
            }
          }
        }
      }
    }
    return all(List.copyOf(questions.values()));
  }

  /** As the backend knows it; empty when no version is asked for. */
  private static String version(Arm arm) {
    String other = arm.getUpstreamVersion();
    return other.isEmpty() ? arm.getVersion() : other.equals("-") ? "" : other;
  }

  private static Finding version(String model, Arm arm, String endpoint, Subjects subjects) {
    String version = version(arm);
    String subject =
        model
            + (version.isEmpty() ? "" : " version " + version)
            + " at "
            + endpoint
            + " ("
            + arm.getName()
            + ")";
    HostPort address;
    try {
      address = HostPort.parse(endpoint);
    } catch (IllegalArgumentException e) {
      return Finding.ok("version", subject, "not asked: a name of several addresses");
    }
    ManagedChannel channel = Channels.open(address, subjects.toServer(address));
    String problem;
    try {
      boolean ready =
          GRPCInferenceServiceGrpc.newBlockingStub(channel)
              .withDeadlineAfter(PATIENCE_SECONDS, TimeUnit.SECONDS)
              .modelReady(ModelReadyRequest.newBuilder().setName(model).setVersion(version).build())
              .getReady();
      if (ready) {
        return Finding.ok("version", subject, "is loaded");
      }
      problem = "is not loaded";
    } catch (StatusRuntimeException e) {
      problem = "cannot be asked for: " + Checkup.words(e.getStatus());
    } finally {
      channel.shutdownNow();
    }
    String advice = "load it there, or correct what the routing table asks for";
    return arm.getRole() == Role.CHAMPION
        ? Finding.fail("version", subject, problem, advice)
        : Finding.warn("version", subject, problem, advice);
  }
}
