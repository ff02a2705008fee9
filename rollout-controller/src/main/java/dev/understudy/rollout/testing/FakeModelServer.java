package dev.understudy.rollout.testing;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.GrpcServers;
import dev.understudy.chassis.rpc.RpcServer;
import dev.understudy.chassis.rpc.ServerOptions;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelConfig;
import dev.understudy.proto.inference.ModelConfigRequest;
import dev.understudy.proto.inference.ModelConfigResponse;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.inference.ModelMetadataResponse.TensorMetadata;
import dev.understudy.proto.inference.ModelReadyRequest;
import dev.understudy.proto.inference.ModelReadyResponse;
import dev.understudy.proto.inference.RepositoryModelLoadRequest;
import dev.understudy.proto.inference.RepositoryModelLoadResponse;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A model server over real gRPC on loopback that holds versions by number and computes nothing. It
 * loads what {@code RepositoryModelLoad} asks for with a specific version policy. Safe for use by
 * any thread.
 */
public final class FakeModelServer extends GRPCInferenceServiceGrpc.GRPCInferenceServiceImplBase
    implements AutoCloseable {
  private static final Pattern VERSIONS = Pattern.compile("\"versions\":\\[([0-9,]*)]");

  private final RpcServer server;
  private final TreeSet<String> held = new TreeSet<>();
  private final List<String> loads = new ArrayList<>();
  private final Map<String, String> broken = new HashMap<>();
  private final Map<String, String> inputTypes = new HashMap<>();
  private final Map<String, String> digests = new HashMap<>();
  private boolean canLoad = true;
  private int refusedLoads;

  /** A server that holds some versions from the start. */
  public FakeModelServer(String... versions) throws IOException {
    held.addAll(List.of(versions));
    server =
        GrpcServers.server(ServerOptions.at(HostPort.loopback(0)).service(bindService()).build());
  }

  /** Where it listens. */
  public HostPort address() {
    return HostPort.loopback(server.port());
  }

  /** The versions that are ready. */
  public synchronized List<String> held() {
    return List.copyOf(held);
  }

  /** The version lists of the load calls so far. */
  public synchronized List<String> loads() {
    return List.copyOf(loads);
  }

  /** From now on refuses load calls the way a server in polling mode does. */
  public synchronized void refuseLoads() {
    canLoad = false;
  }

  /** How many load calls were refused that way. */
  public synchronized int refusedLoads() {
    return refusedLoads;
  }

  /** Makes a version ready without any call, as its operator would. */
  public synchronized void put(String version) {
    held.add(version);
  }

  /** Takes a version away without any call. */
  public synchronized void drop(String version) {
    held.remove(version);
  }

  /** From now on cannot load a version, with this text. */
  public synchronized void breakVersion(String version, String text) {
    broken.put(version, text);
  }

  /** A version can be loaded again. */
  public synchronized void repairVersion(String version) {
    broken.remove(version);
  }

  /** Has a version take another datatype than FP32. */
  public synchronized void inputType(String version, String datatype) {
    inputTypes.put(version, datatype);
  }

  /** Has a version report this digest; without one it reports none. */
  public synchronized void digest(String version, String digest) {
    digests.put(version, digest);
  }

  @Override
  public void close() {
    server.close();
  }

  @Override
  public void modelReady(ModelReadyRequest request, StreamObserver<ModelReadyResponse> responses) {
    boolean ready;
    synchronized (this) {
      ready = held.contains(request.getVersion());
    }
    responses.onNext(ModelReadyResponse.newBuilder().setReady(ready).build());
    responses.onCompleted();
  }

  @Override
  public void repositoryModelLoad(
      RepositoryModelLoadRequest request, StreamObserver<RepositoryModelLoadResponse> responses) {
    Status problem = load(request);
    if (problem == null) {
      responses.onNext(RepositoryModelLoadResponse.getDefaultInstance());
      responses.onCompleted();
    } else {
      responses.onError(problem.asRuntimeException());
    }
  }

  @Override
  public void modelMetadata(
      ModelMetadataRequest request, StreamObserver<ModelMetadataResponse> responses) {
    String datatype;
    String digest;
    synchronized (this) {
      if (!held.contains(request.getVersion())) {
        responses.onError(Status.NOT_FOUND.withDescription("no such version").asRuntimeException());
        return;
      }
      datatype = inputTypes.getOrDefault(request.getVersion(), "FP32");
      digest = digests.get(request.getVersion());
    }
    var metadata =
        ModelMetadataResponse.newBuilder()
            .setName(request.getName())
            .addVersions(request.getVersion())
            .setPlatform("fake")
            .addInputs(tensor("features", datatype, 24))
            .addOutputs(tensor("probabilities", "FP32", 2));
    if (digest != null) {
      metadata.putProperties("digest", digest);
    }
    responses.onNext(metadata.build());
    responses.onCompleted();
  }

  @Override
  public void modelConfig(
      ModelConfigRequest request, StreamObserver<ModelConfigResponse> responses) {
    responses.onNext(
        ModelConfigResponse.newBuilder()
            .setConfig(ModelConfig.newBuilder().setName(request.getName()).setMaxBatchSize(32))
            .build());
    responses.onCompleted();
  }

  private synchronized @Nullable Status load(RepositoryModelLoadRequest request) {
    if (!canLoad) {
      refusedLoads++;
      return Status.UNAVAILABLE.withDescription(
          "explicit model load / unload is not allowed if polling is enabled");
    }
    String config =
        request.getParametersMap().containsKey("config")
            ? request.getParametersOrThrow("config").getStringParam()
            : "";
    Matcher versions = VERSIONS.matcher(config);
    if (!versions.find()) {
      return Status.INVALID_ARGUMENT.withDescription("config: " + config);
    }
    loads.add(versions.group(1));
    List<String> wanted = List.of(versions.group(1).split(",", -1));
    for (String version : wanted) {
      String problem = broken.get(version);
      if (problem != null) {
        return Status.INTERNAL.withDescription("failed to load: " + problem);
      }
    }
    held.clear();
    held.addAll(wanted);
    return null;
  }

  private static TensorMetadata tensor(String name, String datatype, long columns) {
    return TensorMetadata.newBuilder()
        .setName(name)
        .setDatatype(datatype)
        .addShape(-1)
        .addShape(columns)
        .build();
  }
}
