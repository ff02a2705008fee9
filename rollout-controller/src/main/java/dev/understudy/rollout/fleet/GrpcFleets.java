package dev.understudy.rollout.fleet;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub;
import dev.understudy.proto.inference.ModelConfigRequest;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.inference.ModelReadyRequest;
import dev.understudy.proto.inference.ModelRepositoryParameter;
import dev.understudy.proto.inference.RepositoryModelLoadRequest;
import dev.understudy.proto.v1.ModelSignature;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Speaks the Open Inference Protocol and Triton's repository extension to model servers.
 *
 * <p>Versions are chosen by {@code RepositoryModelLoad} with the parameter {@code config} set to
 * {@code {"version_policy":{"specific":{"versions":[…]}}}}. A server without that call, or in a
 * mode that forbids it, is waited for instead: somebody else must give it the version.
 *
 * <p>Each server is spoken to on a virtual thread of its own, so a hanging one delays no other.
 */
public final class GrpcFleets implements Fleets, AutoCloseable {
  private static final Duration POLL = Duration.ofMillis(100);
  private static final long PROBE_SECONDS = 2;
  private static final long SIGNATURE_SECONDS = 10;

  /** The property of a version's metadata in which our model server reports its digest. */
  private static final String DIGEST = "digest";

  private final ChannelOptions options;
  private final Duration patience;
  private final Map<HostPort, ManagedChannel> channels = new ConcurrentHashMap<>();
  private final ExecutorService threads =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("fleet-", 0).factory());

  /**
   * Opens no connection yet.
   *
   * @param patience how long a server may take until a version is ready
   */
  public GrpcFleets(ChannelOptions options, Duration patience) {
    this.options = options;
    this.patience = patience;
  }

  @Override
  public CompletableFuture<Done> prepare(String model, List<Holding> holdings) {
    return async(() -> each(holdings, holding -> prepareOne(model, holding)));
  }

  @Override
  public CompletableFuture<Done> retain(String model, List<Holding> holdings) {
    return async(() -> each(holdings, holding -> retainOne(model, holding)));
  }

  @Override
  public CompletableFuture<Void> verify(
      String model, List<Holding> holdings, Map<String, String> digests) {
    return async(() ->
            each(
                holdings,
                holding -> {
                  verifyOne(model, holding, digests.getOrDefault(holding.awaited(), ""));
                  return new Done(List.of(), List.of());
                }))
        .thenAccept(done -> {});
  }

  @Override
  public CompletableFuture<ModelSignature> signature(
      List<HostPort> servers, String model, String version) {
    return async(() -> {
      String last = "no server is configured";
      for (HostPort server : servers) {
        try {
          return signatureOf(server, model, version);
        } catch (StatusRuntimeException e) {
          last = server + ": " + describe(e);
        }
      }
      throw new FleetException(model + " version " + version + ": " + last);
    });
  }

  @Override
  public void close() {
    threads.shutdownNow();
    channels.values().forEach(channel -> Channels.close(channel, Duration.ofSeconds(1)));
  }

  private Done prepareOne(String model, Holding holding) throws InterruptedException {
    List<String> calls = new ArrayList<>();
    List<String> notes = new ArrayList<>();
    long deadline = System.nanoTime() + patience.toNanos();
    String unready = readiness(holding, model);
    if (unready == null) {
      return new Done(calls, notes);
    }
    boolean told = false;
    while (unready != null) {
      if (!told) {
        told = tell(model, holding, calls, notes);
      }
      unready = readiness(holding, model);
      if (unready != null) {
        if (System.nanoTime() > deadline) {
          throw new FleetException(
              holding.server()
                  + ": "
                  + model
                  + " version "
                  + holding.awaited()
                  + " is not ready after "
                  + patience.toSeconds()
                  + " s"
                  + (unready.isEmpty() ? "" : ": " + unready));
        }
        Thread.sleep(POLL);
      }
    }
    return new Done(calls, notes);
  }

  /** Whether the server took the call or never will; false: it could not be reached. */
  private boolean tell(String model, Holding holding, List<String> calls, List<String> notes) {
    try {
      load(model, holding, calls);
      return true;
    } catch (StatusRuntimeException e) {
      if (cannotLoad(e)) {
        notes.add(
            holding.server()
                + " cannot be told what to load ("
                + describe(e)
                + "); waiting until it has "
                + model
                + " version "
                + holding.awaited());
        return true;
      }
      if (e.getStatus().getCode() == Status.Code.UNAVAILABLE) {
        return false;
      }
      throw new FleetException(
          holding.server() + ": " + model + " versions " + holding.versions() + ": " + describe(e));
    }
  }

  private void verifyOne(String model, Holding holding, String expected) {
    if (expected.isEmpty()) {
      return;
    }
    String found;
    try {
      found =
          metadata(holding.server(), model, holding.awaited())
              .getPropertiesOrDefault(DIGEST, expected);
    } catch (StatusRuntimeException e) {
      throw new FleetException(
          holding.server()
              + ": "
              + model
              + " version "
              + holding.awaited()
              + ": its digest could not be asked for: "
              + describe(e));
    }
    if (!found.equalsIgnoreCase(expected)) {
      throw new FleetException.WrongDigest(
          holding.server()
              + ": "
              + model
              + " version "
              + holding.awaited()
              + " has digest "
              + found
              + " (expected: "
              + expected
              + ", as in the catalog)");
    }
  }

  private ModelMetadataResponse metadata(HostPort server, String model, String version) {
    return stub(server, SIGNATURE_SECONDS)
        .modelMetadata(
            ModelMetadataRequest.newBuilder().setName(model).setVersion(version).build());
  }

  private Done retainOne(String model, Holding holding) {
    List<String> calls = new ArrayList<>();
    try {
      load(model, holding, calls);
      return new Done(calls, List.of());
    } catch (StatusRuntimeException e) {
      return new Done(calls, List.of(holding.server() + " keeps what it holds: " + describe(e)));
    }
  }

  private void load(String model, Holding holding, List<String> calls) {
    String config = versionPolicy(holding.versions());
    try {
      var _ =
          stub(holding.server(), patience.toSeconds())
              .repositoryModelLoad(
                  RepositoryModelLoadRequest.newBuilder()
                      .setModelName(model)
                      .putParameters(
                          "config",
                          ModelRepositoryParameter.newBuilder().setStringParam(config).build())
                      .build());
      calls.add(holding.server() + " load " + model + " " + holding.versions() + ": OK");
    } catch (StatusRuntimeException e) {
      calls.add(
          holding.server() + " load " + model + " " + holding.versions() + ": " + describe(e));
      throw e;
    }
  }

  static String versionPolicy(SortedSet<String> versions) {
    return "{\"version_policy\":{\"specific\":{\"versions\":["
        + String.join(",", versions)
        + "]}}}";
  }

  /** Null if ready; else why not, possibly empty. */
  private @Nullable String readiness(Holding holding, String model) {
    try {
      boolean ready =
          stub(holding.server(), PROBE_SECONDS)
              .modelReady(
                  ModelReadyRequest.newBuilder()
                      .setName(model)
                      .setVersion(holding.awaited())
                      .build())
              .getReady();
      return ready ? null : "";
    } catch (StatusRuntimeException e) {
      return describe(e);
    }
  }

  private ModelSignature signatureOf(HostPort server, String model, String version) {
    ModelMetadataResponse metadata = metadata(server, model, version);
    int maxBatch = 0;
    try {
      maxBatch =
          stub(server, SIGNATURE_SECONDS)
              .modelConfig(
                  ModelConfigRequest.newBuilder().setName(model).setVersion(version).build())
              .getConfig()
              .getMaxBatchSize();
    } catch (StatusRuntimeException e) {
      // A server of the plain protocol has no configuration; then the shapes in the metadata stand
      // as they are.
      if (e.getStatus().getCode() != Status.Code.UNIMPLEMENTED) {
        throw e;
      }
    }
    return ModelSignature.newBuilder().setMetadata(metadata).setMaxBatchSize(maxBatch).build();
  }

  private static boolean cannotLoad(StatusRuntimeException e) {
    String text = String.valueOf(e.getStatus().getDescription());
    return switch (e.getStatus().getCode()) {
      case UNIMPLEMENTED -> true;
      case UNAVAILABLE, INVALID_ARGUMENT, FAILED_PRECONDITION ->
          text.contains("explicit model load");
      default -> false;
    };
  }

  private static String describe(StatusRuntimeException e) {
    String text = e.getStatus().getDescription();
    return text == null || text.isEmpty() ? e.getStatus().getCode().toString() : text;
  }

  private GRPCInferenceServiceBlockingStub stub(HostPort server, long seconds) {
    ManagedChannel channel =
        channels.computeIfAbsent(server, address -> Channels.open(address, options));
    // Else a server that has just come up would look away for as long as the last backoff.
    channel.resetConnectBackoff();
    return GRPCInferenceServiceGrpc.newBlockingStub(channel)
        .withDeadlineAfter(seconds, TimeUnit.SECONDS);
  }

  private interface Work {
    Done on(Holding holding) throws InterruptedException;
  }

  private Done each(List<Holding> holdings, Work work) throws Exception {
    List<Future<Done>> running = new ArrayList<>();
    for (Holding holding : holdings) {
      running.add(threads.submit(() -> work.on(holding)));
    }
    List<String> calls = new ArrayList<>();
    List<String> notes = new ArrayList<>();
    for (Future<Done> one : running) {
      Done done = one.get();
      calls.addAll(done.calls());
      notes.addAll(done.notes());
    }
    return new Done(calls, notes);
  }

  private <T> CompletableFuture<T> async(Callable<T> work) {
    var result = new CompletableFuture<T>();
    threads.execute(() -> {
      try {
        result.complete(work.call());
      } catch (ExecutionException e) {
        Throwable cause = e.getCause();
        result.completeExceptionally(cause == null ? e : cause);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        result.completeExceptionally(new FleetException("the controller is stopping"));
      } catch (Exception e) {
        result.completeExceptionally(e);
      }
    });
    return result;
  }
}
