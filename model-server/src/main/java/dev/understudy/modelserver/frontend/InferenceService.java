package dev.understudy.modelserver.frontend;

import dev.understudy.chassis.error.Fault;
import dev.understudy.modelserver.repository.ModelHandle;
import dev.understudy.modelserver.repository.ModelRepository;
import dev.understudy.modelserver.repository.ServedVersion;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelConfigRequest;
import dev.understudy.proto.inference.ModelConfigResponse;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.inference.ModelReadyRequest;
import dev.understudy.proto.inference.ModelReadyResponse;
import dev.understudy.proto.inference.ModelRepositoryParameter;
import dev.understudy.proto.inference.ModelRepositoryParameter.ParameterChoiceCase;
import dev.understudy.proto.inference.ModelStatisticsRequest;
import dev.understudy.proto.inference.ModelStatisticsResponse;
import dev.understudy.proto.inference.RepositoryIndexRequest;
import dev.understudy.proto.inference.RepositoryIndexResponse;
import dev.understudy.proto.inference.RepositoryModelLoadRequest;
import dev.understudy.proto.inference.RepositoryModelLoadResponse;
import dev.understudy.proto.inference.RepositoryModelUnloadRequest;
import dev.understudy.proto.inference.RepositoryModelUnloadResponse;
import dev.understudy.proto.inference.ServerLiveRequest;
import dev.understudy.proto.inference.ServerLiveResponse;
import dev.understudy.proto.inference.ServerMetadataRequest;
import dev.understudy.proto.inference.ServerMetadataResponse;
import dev.understudy.proto.inference.ServerReadyRequest;
import dev.understudy.proto.inference.ServerReadyResponse;
import dev.understudy.proto.tensor.TensorSpec;
import io.grpc.Context;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCallHandler;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The protocol's rpcs but for inference itself: health, metadata, configuration, statistics, and
 * the repository. The last may take seconds and therefore run on an executor; all else answers at
 * once.
 */
public final class InferenceService extends GRPCInferenceServiceGrpc.GRPCInferenceServiceImplBase {
  private static final List<String> EXTENSIONS =
      List.of(
          "model_repository",
          "model_repository(unload_dependents)",
          "schedule_policy",
          "model_configuration",
          "binary_tensor_data",
          "parameters",
          "statistics");

  private final InferContext context;
  private final ModelRepository repository;
  private final ServerStatus status;
  private final boolean explicit;
  private final Executor slow;

  /**
   * Serves a repository.
   *
   * @param explicit whether clients may load and unload models
   * @param slow runs loads and unloads
   */
  public InferenceService(
      InferContext context, ServerStatus status, boolean explicit, Executor slow) {
    this.context = context;
    this.repository = context.repository();
    this.status = status;
    this.explicit = explicit;
    this.slow = slow;
  }

  /** What the server as a whole says of itself. */
  public interface ServerStatus {
    /** Whether it has begun to stop. */
    boolean isExiting();

    /** Whether clients should send requests. */
    boolean isReady();

    /** The server's own version. */
    String version();
  }

  /** The service as gRPC takes it, with inference reading and writing bytes. */
  public ServerServiceDefinition define() {
    ServerServiceDefinition generated = bindService();
    var unary = replace(GRPCInferenceServiceGrpc.getModelInferMethod(), new UnaryInfer(context));
    var stream =
        replace(GRPCInferenceServiceGrpc.getModelStreamInferMethod(), new StreamInfer(context));
    var replaced =
        Map.of(
            unary.getMethodDescriptor().getFullMethodName(), unary,
            stream.getMethodDescriptor().getFullMethodName(), stream);
    List<ServerMethodDefinition<?, ?>> methods =
        generated.getMethods().stream()
            .<ServerMethodDefinition<?, ?>>map(method -> {
              ServerMethodDefinition<?, ?> own =
                  replaced.get(method.getMethodDescriptor().getFullMethodName());
              return own == null ? method : own;
            })
            .toList();
    ServiceDescriptor.Builder descriptor =
        ServiceDescriptor.newBuilder(generated.getServiceDescriptor().getName())
            .setSchemaDescriptor(generated.getServiceDescriptor().getSchemaDescriptor());
    methods.forEach(method -> descriptor.addMethod(method.getMethodDescriptor()));
    ServerServiceDefinition.Builder service = ServerServiceDefinition.builder(descriptor.build());
    methods.forEach(service::addMethod);
    return service.build();
  }

  private static ServerMethodDefinition<byte[], byte[]> replace(
      MethodDescriptor<?, ?> method, ServerCallHandler<byte[], byte[]> handler) {
    return ServerMethodDefinition.create(
        MethodDescriptor.<byte[], byte[]>newBuilder(Wire.BYTES, Wire.BYTES)
            .setFullMethodName(method.getFullMethodName())
            .setType(method.getType())
            .setSchemaDescriptor(method.getSchemaDescriptor())
            .build(),
        handler);
  }

  @Override
  public void serverLive(ServerLiveRequest request, StreamObserver<ServerLiveResponse> observer) {
    answer(
        observer,
        () -> {
          refuseWhenExiting();
          return ServerLiveResponse.newBuilder().setLive(true).build();
        });
  }

  @Override
  public void serverReady(
      ServerReadyRequest request, StreamObserver<ServerReadyResponse> observer) {
    answer(
        observer,
        () -> {
          refuseWhenExiting();
          return ServerReadyResponse.newBuilder().setReady(status.isReady()).build();
        });
  }

  private void refuseWhenExiting() {
    if (status.isExiting()) {
      throw Fault.of(Status.Code.UNAVAILABLE, "EXITING", "Server exiting");
    }
  }

  @Override
  public void modelReady(ModelReadyRequest request, StreamObserver<ModelReadyResponse> observer) {
    answer(
        observer,
        () ->
            ModelReadyResponse.newBuilder()
                .setReady(repository.isReady(request.getName(), request.getVersion()))
                .build());
  }

  @Override
  public void serverMetadata(
      ServerMetadataRequest request, StreamObserver<ServerMetadataResponse> observer) {
    answer(
        observer,
        () ->
            ServerMetadataResponse.newBuilder()
                .setName(context.serverName())
                .setVersion(status.version())
                .addAllExtensions(EXTENSIONS)
                .build());
  }

  @Override
  public void modelMetadata(
      ModelMetadataRequest request, StreamObserver<ModelMetadataResponse> observer) {
    answer(
        observer,
        () -> {
          try (ModelHandle handle = repository.acquire(request.getName(), request.getVersion())) {
            return metadata(handle.version());
          }
        });
  }

  private ModelMetadataResponse metadata(ServedVersion version) {
    ModelMetadataResponse.Builder metadata =
        ModelMetadataResponse.newBuilder()
            .setName(version.name())
            .setPlatform(version.config().getPlatform())
            .putProperties("version", Long.toString(version.number()))
            .putProperties("digest", version.digest());
    repository.readyVersions(version.name()).forEach(v -> metadata.addVersions(v.toString()));
    version.signature().inputs().forEach(spec -> metadata.addInputs(tensor(version, spec)));
    version.signature().outputs().forEach(spec -> metadata.addOutputs(tensor(version, spec)));
    return metadata.build();
  }

  private static ModelMetadataResponse.TensorMetadata tensor(
      ServedVersion version, TensorSpec spec) {
    ModelMetadataResponse.TensorMetadata.Builder tensor =
        ModelMetadataResponse.TensorMetadata.newBuilder()
            .setName(spec.name())
            .setDatatype(spec.datatype().wireName());
    if (version.isBatching()) {
      tensor.addShape(-1);
    }
    for (long dim : spec.dims()) {
      tensor.addShape(dim);
    }
    return tensor.build();
  }

  @Override
  public void modelConfig(
      ModelConfigRequest request, StreamObserver<ModelConfigResponse> observer) {
    answer(
        observer,
        () -> {
          try (ModelHandle handle = repository.acquire(request.getName(), request.getVersion())) {
            return ModelConfigResponse.newBuilder().setConfig(handle.version().config()).build();
          }
        });
  }

  @Override
  public void modelStatistics(
      ModelStatisticsRequest request, StreamObserver<ModelStatisticsResponse> observer) {
    answer(
        observer,
        () -> {
          ModelStatisticsResponse.Builder response = ModelStatisticsResponse.newBuilder();
          for (ServedVersion version : repository.ready()) {
            boolean asked =
                (request.getName().isEmpty() || request.getName().equals(version.name()))
                    && (request.getVersion().isEmpty()
                        || request.getVersion().equals(Long.toString(version.number())));
            if (asked) {
              response.addModelStats(
                  version.statistics().snapshot(version.name(), version.number()));
            }
          }
          if (response.getModelStatsCount() == 0 && !request.getName().isEmpty()) {
            throw Fault.of(
                Status.Code.INVALID_ARGUMENT,
                "MODEL_NOT_AVAILABLE",
                "requested model '"
                    + request.getName()
                    + "'"
                    + (request.getVersion().isEmpty() ? "" : " version " + request.getVersion())
                    + " is not available");
          }
          return response.build();
        });
  }

  @Override
  public void repositoryIndex(
      RepositoryIndexRequest request, StreamObserver<RepositoryIndexResponse> observer) {
    answerSlowly(
        observer,
        () -> {
          refuseRepositoryName(request.getRepositoryName());
          RepositoryIndexResponse.Builder index = RepositoryIndexResponse.newBuilder();
          for (ModelRepository.IndexLine line : repository.index()) {
            if (!request.getReady() || line.state().equals("READY")) {
              index.addModels(
                  RepositoryIndexResponse.ModelIndex.newBuilder()
                      .setName(line.model())
                      .setVersion(line.version())
                      .setState(line.state())
                      .setReason(line.reason()));
            }
          }
          return index.build();
        });
  }

  @Override
  public void repositoryModelLoad(
      RepositoryModelLoadRequest request, StreamObserver<RepositoryModelLoadResponse> observer) {
    answerSlowly(
        observer,
        () -> {
          refuseUnlessExplicit();
          refuseRepositoryName(request.getRepositoryName());
          repository.load(request.getModelName(), override(request.getParametersMap()));
          return RepositoryModelLoadResponse.getDefaultInstance();
        });
  }

  private static @Nullable String override(Map<String, ModelRepositoryParameter> parameters) {
    String config = null;
    for (Map.Entry<String, ModelRepositoryParameter> parameter : parameters.entrySet()) {
      String name = parameter.getKey();
      if (name.startsWith("file:")) {
        throw Fault.of(
            Status.Code.UNIMPLEMENTED,
            "FILE_OVERRIDE",
            "parameter '" + name + "': models are loaded from the repository's folders only");
      }
      if (!name.equals("config")
          || parameter.getValue().getParameterChoiceCase() != ParameterChoiceCase.STRING_PARAM) {
        throw Fault.of(
            Status.Code.INVALID_ARGUMENT,
            "BAD_PARAMETER",
            "parameter '" + name + "' (expected: 'config', a string with a configuration in JSON)");
      }
      config = parameter.getValue().getStringParam();
    }
    return config;
  }

  @Override
  public void repositoryModelUnload(
      RepositoryModelUnloadRequest request,
      StreamObserver<RepositoryModelUnloadResponse> observer) {
    answerSlowly(
        observer,
        () -> {
          refuseUnlessExplicit();
          refuseRepositoryName(request.getRepositoryName());
          repository.unload(request.getModelName());
          return RepositoryModelUnloadResponse.getDefaultInstance();
        });
  }

  private void refuseUnlessExplicit() {
    if (!explicit) {
      throw Fault.of(
          Status.Code.UNAVAILABLE,
          "NOT_EXPLICIT",
          "explicit model load / unload is not allowed if polling is enabled"
              + " (start the server with --model-control-mode=explicit)");
    }
  }

  private static void refuseRepositoryName(String name) {
    if (!name.isEmpty()) {
      throw Fault.of(
          Status.Code.UNIMPLEMENTED,
          "REPOSITORY_NAME",
          "'repository_name' specification is not supported");
    }
  }

  private static <A> void answer(StreamObserver<A> observer, Supplier<A> response) {
    A made;
    try {
      made = response.get();
    } catch (RuntimeException e) {
      Fault.fail(observer, e);
      return;
    }
    observer.onNext(made);
    observer.onCompleted();
  }

  private <A> void answerSlowly(StreamObserver<A> observer, Supplier<A> response) {
    slow.execute(Context.current().wrap(() -> answer(observer, response)));
  }
}
