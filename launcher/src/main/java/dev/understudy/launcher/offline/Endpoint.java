package dev.understudy.launcher.offline;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.inference.RepositoryIndexRequest;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.ServerTiming;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One version that can be called. Safe for use by any thread. */
final class Endpoint implements AutoCloseable {
  private static final Duration QUESTION = Duration.ofSeconds(10);
  private static final Metadata.Key<byte[]> TIMING =
      Metadata.Key.of("understudy-timing-bin", Metadata.BINARY_BYTE_MARSHALLER);

  /** Marks calls of a comparison, so that a copy of one is not taken for a customer's. */
  static final Metadata.Key<String> OURS =
      Metadata.Key.of("understudy-comparison", Metadata.ASCII_STRING_MARSHALLER);

  private final Subject.Served served;
  private final String shownAs;
  private final ManagedChannel channel;

  private Endpoint(Subject.Served served, String shownAs, ManagedChannel channel) {
    this.served = served;
    this.shownAs = shownAs;
    this.channel = channel;
  }

  /**
   * Opens a channel; nothing is sent yet.
   *
   * @param shownAs how the version is called in reports
   */
  static Endpoint open(Subject.Served served, String shownAs, ChannelOptions options) {
    return new Endpoint(
        served, shownAs, Channels.open(served.address(), options.withDirectExecutor(true)));
  }

  String shownAs() {
    return shownAs;
  }

  /**
   * The model's inputs and outputs.
   *
   * @throws OfflineException when the server cannot be reached or has no such version ready
   */
  ModelMetadataResponse metadata() throws OfflineException {
    try {
      return GRPCInferenceServiceGrpc.newBlockingStub(channel)
          .withDeadlineAfter(QUESTION)
          .modelMetadata(
              ModelMetadataRequest.newBuilder()
                  .setName(served.model())
                  .setVersion(served.version())
                  .build());
    } catch (StatusRuntimeException e) {
      Status status = e.getStatus();
      boolean away =
          status.getCode() == Status.Code.UNAVAILABLE
              && status.getCause() instanceof java.io.IOException;
      throw away || status.getCode() == Status.Code.DEADLINE_EXCEEDED
          ? new OfflineException(
              OfflineException.Kind.UNREACHABLE,
              shownAs + ": nothing answers at " + served.address())
          : new OfflineException(
              OfflineException.Kind.MODEL, shownAs + ": " + describe(status) + reason());
    }
  }

  /** What the server says about a model that is not ready; empty when it says nothing. */
  private String reason() {
    try {
      List<String> reasons =
          GRPCInferenceServiceGrpc.newBlockingStub(channel)
              .withDeadlineAfter(QUESTION)
              .repositoryIndex(RepositoryIndexRequest.getDefaultInstance())
              .getModelsList()
              .stream()
              .filter(model -> model.getName().equals(served.model()))
              .map(model -> model.getReason())
              .filter(reason -> !reason.isEmpty())
              .toList();
      return reasons.isEmpty() ? "" : " (" + String.join("; ", reasons) + ")";
    } catch (StatusRuntimeException e) {
      return "";
    }
  }

  static String describe(Status status) {
    String text = status.getDescription();
    return status.getCode() + (text == null ? "" : ": " + text);
  }

  /**
   * Asks once; the model's name and version are put in. Whatever happens, {@code done} is called
   * exactly once, on a thread that must not be blocked.
   */
  void infer(ModelInferRequest request, Duration timeout, Consumer<Answer> done) {
    ModelInferRequest ours =
        request.toBuilder().setModelName(served.model()).setModelVersion(served.version()).build();
    // Not in the context of a call that is being answered: it ends with that one, this one must
    // not.
    Context before = Context.ROOT.attach();
    try {
      ClientCall<ModelInferRequest, ModelInferResponse> call =
          channel.newCall(
              GRPCInferenceServiceGrpc.getModelInferMethod(),
              CallOptions.DEFAULT.withDeadlineAfter(timeout.toNanos(), TimeUnit.NANOSECONDS));
      Metadata headers = new Metadata();
      headers.put(OURS, "1");
      call.start(new Listening(System.nanoTime(), done), headers);
      call.request(2);
      call.sendMessage(ours);
      call.halfClose();
    } finally {
      Context.ROOT.detach(before);
    }
  }

  private static final class Listening extends ClientCall.Listener<ModelInferResponse> {
    private final long start;
    private final Consumer<Answer> done;
    private @Nullable ModelInferResponse response;

    Listening(long start, Consumer<Answer> done) {
      this.start = start;
      this.done = done;
    }

    @Override
    public void onMessage(ModelInferResponse message) {
      response = message;
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      long nanos = Math.max(0, System.nanoTime() - start);
      ModelInferResponse answered = response;
      if (status.isOk() && answered != null && !negative(answered)) {
        done.accept(new Answer(Outcome.OK, answered, nanos, timing(trailers), ""));
        return;
      }
      Status why =
          status.isOk()
              ? Status.INTERNAL.withDescription(
                  answered == null
                      ? "ended without an answer"
                      : "an output with a negative dimension (expected: 0 or more)")
              : status;
      done.accept(
          new Answer(
              outcome(why.getCode()),
              null,
              nanos,
              ServerTiming.getDefaultInstance(),
              describe(why)));
    }

    /** Nothing can be compared with it. */
    private static boolean negative(ModelInferResponse answered) {
      return answered.getOutputsList().stream()
          .anyMatch(output -> output.getShapeList().stream().anyMatch(dim -> dim < 0));
    }

    private static ServerTiming timing(Metadata trailers) {
      byte[] bytes = trailers.get(TIMING);
      try {
        return bytes == null ? ServerTiming.getDefaultInstance() : ServerTiming.parseFrom(bytes);
      } catch (InvalidProtocolBufferException foreign) {
        return ServerTiming.getDefaultInstance();
      }
    }
  }

  /** As routers count it; a call that a server broke off did not find it there. */
  private static Outcome outcome(Status.Code code) {
    return switch (code) {
      case OK -> Outcome.OK;
      case UNAVAILABLE, CANCELLED -> Outcome.BAD_UNAVAILABLE;
      case INTERNAL -> Outcome.BAD_INTERNAL;
      case UNKNOWN -> Outcome.BAD_UNKNOWN;
      case DATA_LOSS -> Outcome.BAD_DATA_LOSS;
      case DEADLINE_EXCEEDED -> Outcome.BAD_DEADLINE_EXCEEDED;
      case RESOURCE_EXHAUSTED -> Outcome.BAD_RESOURCE_EXHAUSTED;
      case INVALID_ARGUMENT -> Outcome.BAD_INVALID_ARGUMENT;
      default -> Outcome.BAD_OTHER;
    };
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
