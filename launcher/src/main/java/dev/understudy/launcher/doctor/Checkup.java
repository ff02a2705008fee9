package dev.understudy.launcher.doctor;

import dev.understudy.chassis.rpc.Channels;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ServerReadyRequest;
import dev.understudy.proto.v1.EvidenceServiceGrpc;
import dev.understudy.proto.v1.GetTableRequest;
import dev.understudy.proto.v1.GetTableResponse;
import dev.understudy.proto.v1.ListEvaluationsRequest;
import dev.understudy.proto.v1.ListRoutersRequest;
import dev.understudy.proto.v1.ListRoutersResponse;
import dev.understudy.proto.v1.RolloutServiceGrpc;
import dev.understudy.proto.v1.RouterAdminGrpc;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What one service says about itself. For one thread; read after it has ended. */
final class Checkup {
  private static final long PATIENCE_SECONDS = 5;

  final Peer peer;
  final List<Finding> findings = new ArrayList<>();
  @Nullable Pulse pulse;
  @Nullable GetTableResponse router;
  @Nullable ListRoutersResponse controller;

  Checkup(Peer peer) {
    this.peer = peer;
  }

  /** Asks; everything that goes wrong becomes a finding. */
  Checkup run() {
    if (peer.options().tls() != null) {
      findings.add(Certificates.look(peer.name(), peer.address(), Instant.now()));
    }
    ManagedChannel channel = Channels.open(peer.address(), peer.options());
    try {
      Pulse felt = Pulse.of(channel, System::currentTimeMillis);
      pulse = felt;
      String text = String.format(Locale.ROOT, "answers within %.1f ms", felt.roundTripMillis());
      findings.add(
          felt.serving()
              ? Finding.ok("reachable", peer.name(), text)
              : Finding.warn(
                  "reachable",
                  peer.name(),
                  text + " and says that it is not ready",
                  "wait, or see its log: it starts, stops, or has nothing to serve"));
      ask(channel);
    } catch (StatusRuntimeException e) {
      findings.add(unreachable(e.getStatus()));
    } finally {
      channel.shutdownNow();
    }
    return this;
  }

  private void ask(ManagedChannel channel) {
    try {
      switch (peer.kind()) {
        case ROUTER ->
            router =
                RouterAdminGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(PATIENCE_SECONDS, TimeUnit.SECONDS)
                    .getTable(GetTableRequest.getDefaultInstance());
        case CONTROLLER ->
            controller =
                RolloutServiceGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(PATIENCE_SECONDS, TimeUnit.SECONDS)
                    .listRouters(ListRoutersRequest.getDefaultInstance());
        case COMPARATOR -> {
          int evaluations =
              EvidenceServiceGrpc.newBlockingStub(channel)
                  .withDeadlineAfter(PATIENCE_SECONDS, TimeUnit.SECONDS)
                  .listEvaluations(ListEvaluationsRequest.getDefaultInstance())
                  .getRolloutIdsCount();
          findings.add(Finding.ok("evaluations", peer.name(), evaluations + " are known"));
        }
        case COLLECTOR -> {}
        case MODEL_SERVER -> {
          boolean ready =
              GRPCInferenceServiceGrpc.newBlockingStub(channel)
                  .withDeadlineAfter(PATIENCE_SECONDS, TimeUnit.SECONDS)
                  .serverReady(ServerReadyRequest.getDefaultInstance())
                  .getReady();
          if (!ready) {
            findings.add(
                Finding.warn(
                    "ready", peer.name(), "no, it says", "see its log: a model cannot be loaded"));
          }
        }
      }
    } catch (StatusRuntimeException e) {
      findings.add(refused(e.getStatus()));
    }
  }

  private Finding refused(Status status) {
    return switch (status.getCode()) {
      case UNAUTHENTICATED, PERMISSION_DENIED ->
          Finding.warn(
              "asked",
              peer.name(),
              "its state is told to nobody without its token",
              "give its own configuration by --config, or its token by --token-file");
      case UNIMPLEMENTED ->
          Finding.fail(
              "asked",
              peer.name(),
              "something answers there that is no " + peer.kind().words(),
              "see which service has this port (a router's is its admin port)");
      default -> Finding.warn("asked", peer.name(), words(status), "see its log");
    };
  }

  private Finding unreachable(Status status) {
    boolean local = peer.address().isLoopback();
    if (local && isFree()) {
      return Finding.fail(
          "reachable",
          peer.name(),
          "nothing listens on this port",
          "start the " + peer.kind().words() + ", or see in its ready file which port it took");
    }
    return Finding.fail(
        "reachable",
        peer.name(),
        words(status),
        local
            ? "something has this port and does not answer as a "
                + peer.kind().words()
                + ": see who, and whether TLS is set alike on both sides"
            : "see that it runs, that nothing between blocks the port, and that TLS is set alike"
                + " on both sides");
  }

  private boolean isFree() {
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress(peer.address().host(), peer.address().port()));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  static String words(Status status) {
    Throwable cause = status.getCause();
    String text = status.getDescription();
    return status.getCode()
        + (text == null ? "" : ": " + text)
        + (cause == null || cause.getMessage() == null ? "" : " (" + cause.getMessage() + ")");
  }
}
