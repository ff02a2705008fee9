package dev.understudy.router.frontend;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.inference.CudaSharedMemoryRegisterRequest;
import dev.understudy.proto.inference.CudaSharedMemoryRegisterResponse;
import dev.understudy.proto.inference.CudaSharedMemoryStatusRequest;
import dev.understudy.proto.inference.CudaSharedMemoryStatusResponse;
import dev.understudy.proto.inference.CudaSharedMemoryUnregisterRequest;
import dev.understudy.proto.inference.CudaSharedMemoryUnregisterResponse;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.LogSettingsRequest;
import dev.understudy.proto.inference.LogSettingsResponse;
import dev.understudy.proto.inference.ModelConfigRequest;
import dev.understudy.proto.inference.ModelConfigResponse;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.inference.ModelReadyRequest;
import dev.understudy.proto.inference.ModelReadyResponse;
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
import dev.understudy.proto.inference.SystemSharedMemoryRegisterRequest;
import dev.understudy.proto.inference.SystemSharedMemoryRegisterResponse;
import dev.understudy.proto.inference.SystemSharedMemoryStatusRequest;
import dev.understudy.proto.inference.SystemSharedMemoryStatusResponse;
import dev.understudy.proto.inference.SystemSharedMemoryUnregisterRequest;
import dev.understudy.proto.inference.SystemSharedMemoryUnregisterResponse;
import dev.understudy.proto.inference.TraceSettingRequest;
import dev.understudy.proto.inference.TraceSettingResponse;
import dev.understudy.router.call.Gate;
import dev.understudy.router.call.ModelQuestions;
import dev.understudy.router.call.Refusals;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.concurrent.CompletionStage;

/**
 * Everything but inference: about the server the router answers itself, about a model its champion
 * does; what would change a server or needs its machine is refused.
 */
final class RareMethods extends GRPCInferenceServiceGrpc.GRPCInferenceServiceImplBase {
  private static final List<String> EXTENSIONS =
      List.of("model_configuration", "binary_tensor_data", "parameters", "statistics");

  private final ModelQuestions questions;
  private final Gate gate;
  private final String name;

  RareMethods(ModelQuestions questions, Gate gate, String name) {
    this.questions = questions;
    this.gate = gate;
    this.name = name;
  }

  @Override
  public void serverLive(ServerLiveRequest request, StreamObserver<ServerLiveResponse> answer) {
    finish(answer, ServerLiveResponse.newBuilder().setLive(true).build());
  }

  @Override
  public void serverReady(ServerReadyRequest request, StreamObserver<ServerReadyResponse> answer) {
    finish(answer, ServerReadyResponse.newBuilder().setReady(questions.serverReady()).build());
  }

  @Override
  public void serverMetadata(
      ServerMetadataRequest request, StreamObserver<ServerMetadataResponse> answer) {
    if (isRefused("", answer)) {
      return;
    }
    String version = RareMethods.class.getPackage().getImplementationVersion();
    finish(
        answer,
        ServerMetadataResponse.newBuilder()
            .setName(name)
            .setVersion(version == null ? "development" : version)
            .addAllExtensions(EXTENSIONS)
            .build());
  }

  @Override
  public void modelReady(ModelReadyRequest request, StreamObserver<ModelReadyResponse> answer) {
    if (isRefused(request.getName(), answer)) {
      return;
    }
    questions
        .ready(request.getName(), request.getVersion())
        .whenComplete((ready, failure) ->
            finish(
                answer,
                ModelReadyResponse.newBuilder().setReady(failure == null && ready).build()));
  }

  @Override
  public void modelMetadata(
      ModelMetadataRequest request, StreamObserver<ModelMetadataResponse> answer) {
    if (isRefused(request.getName(), answer)) {
      return;
    }
    pass(questions.metadata(request.getName(), request.getVersion()), answer);
  }

  @Override
  public void modelConfig(ModelConfigRequest request, StreamObserver<ModelConfigResponse> answer) {
    if (isRefused(request.getName(), answer)) {
      return;
    }
    pass(questions.config(request.getName(), request.getVersion()), answer);
  }

  @Override
  public void modelStatistics(
      ModelStatisticsRequest request, StreamObserver<ModelStatisticsResponse> answer) {
    if (isRefused(request.getName(), answer)) {
      return;
    }
    pass(questions.statistics(request.getName(), request.getVersion()), answer);
  }

  @Override
  public void repositoryIndex(
      RepositoryIndexRequest request, StreamObserver<RepositoryIndexResponse> answer) {
    Fault.fail(answer, Refusals.adminOnly("RepositoryIndex"));
  }

  @Override
  public void repositoryModelLoad(
      RepositoryModelLoadRequest request, StreamObserver<RepositoryModelLoadResponse> answer) {
    Fault.fail(answer, Refusals.adminOnly("RepositoryModelLoad"));
  }

  @Override
  public void repositoryModelUnload(
      RepositoryModelUnloadRequest request, StreamObserver<RepositoryModelUnloadResponse> answer) {
    Fault.fail(answer, Refusals.adminOnly("RepositoryModelUnload"));
  }

  @Override
  public void traceSetting(
      TraceSettingRequest request, StreamObserver<TraceSettingResponse> answer) {
    Fault.fail(answer, Refusals.adminOnly("TraceSetting"));
  }

  @Override
  public void logSettings(LogSettingsRequest request, StreamObserver<LogSettingsResponse> answer) {
    Fault.fail(answer, Refusals.adminOnly("LogSettings"));
  }

  @Override
  public void systemSharedMemoryStatus(
      SystemSharedMemoryStatusRequest request,
      StreamObserver<SystemSharedMemoryStatusResponse> answer) {
    Fault.fail(answer, Refusals.sharedMemory(""));
  }

  @Override
  public void systemSharedMemoryRegister(
      SystemSharedMemoryRegisterRequest request,
      StreamObserver<SystemSharedMemoryRegisterResponse> answer) {
    Fault.fail(answer, Refusals.sharedMemory(""));
  }

  @Override
  public void systemSharedMemoryUnregister(
      SystemSharedMemoryUnregisterRequest request,
      StreamObserver<SystemSharedMemoryUnregisterResponse> answer) {
    Fault.fail(answer, Refusals.sharedMemory(""));
  }

  @Override
  public void cudaSharedMemoryStatus(
      CudaSharedMemoryStatusRequest request,
      StreamObserver<CudaSharedMemoryStatusResponse> answer) {
    Fault.fail(answer, Refusals.sharedMemory(""));
  }

  @Override
  public void cudaSharedMemoryRegister(
      CudaSharedMemoryRegisterRequest request,
      StreamObserver<CudaSharedMemoryRegisterResponse> answer) {
    Fault.fail(answer, Refusals.sharedMemory(""));
  }

  @Override
  public void cudaSharedMemoryUnregister(
      CudaSharedMemoryUnregisterRequest request,
      StreamObserver<CudaSharedMemoryUnregisterResponse> answer) {
    Fault.fail(answer, Refusals.sharedMemory(""));
  }

  /** Ends the call of a principal that may not ask this. */
  private boolean isRefused(String model, StreamObserver<?> answer) {
    try {
      gate.checkRead(HeaderGate.PRINCIPAL.get(), model);
      return false;
    } catch (Fault refusal) {
      Fault.fail(answer, refusal);
      return true;
    }
  }

  private static <A> void pass(CompletionStage<A> stage, StreamObserver<A> answer) {
    stage.whenComplete((value, failure) -> {
      if (failure == null) {
        finish(answer, value);
      } else {
        Fault.fail(answer, failure);
      }
    });
  }

  private static <A> void finish(StreamObserver<A> answer, A value) {
    answer.onNext(value);
    answer.onCompleted();
  }
}
