package dev.understudy.modelserver.frontend;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.telemetry.LiveTrace;
import dev.understudy.chassis.telemetry.TraceContext;
import dev.understudy.chassis.telemetry.Tracing;
import dev.understudy.chassis.time.Cancellable;
import dev.understudy.modelserver.execution.BatchOutputs;
import dev.understudy.modelserver.execution.BatchTiming;
import dev.understudy.modelserver.execution.InferenceJob;
import dev.understudy.modelserver.repository.ModelHandle;
import dev.understudy.modelserver.repository.ModelRepository;
import dev.understudy.modelserver.repository.ServedVersion;
import dev.understudy.modelserver.statistics.VersionStatistics.FailureReason;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.tensor.MalformedMessageException;
import dev.understudy.proto.tensor.RequestedOutput;
import dev.understudy.proto.tensor.TensorData;
import dev.understudy.proto.tensor.TensorSpec;
import dev.understudy.proto.tensor.TensorView;
import dev.understudy.proto.v1.ServerTiming;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Status;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One inference, from the bytes of the request to its outcome.
 *
 * <p>The network's thread parses and checks it and puts it into the queue. From then on one of four
 * ends it: an instance with an answer or a failure, the timer of its queue timeout, the caller who
 * goes away, or the server that stops. Whoever comes first wins; the handle on the model is let go
 * then, and only then.
 */
final class InferCall implements InferenceJob {
  private static final Logger log = Logger.getLogger(InferCall.class.getName());

  /** The bucket of models whose shapes differ in the batch dimension only. */
  private static final Object SAME_SHAPE = new Object();

  private final InferContext context;
  private final InferSink sink;
  private final boolean streamed;
  private final long enqueuedNanos;
  private final InferRequestView request;
  private final ModelHandle handle;
  private final ServedVersion version;
  private final int rows;
  private final int[] inputPositions;
  private final int[] wantedOutputs;
  private final Object bucket;
  private final long deadlineNanos;
  private final boolean deadlineIsQueueTimeout;
  private final @Nullable LiveTrace trace;
  private final AtomicBoolean ended = new AtomicBoolean();
  private volatile @Nullable Cancellable timer;

  /** Written before the batch is handed out, read by the instance that has it. */
  private long batchWaitNanos;

  private InferCall(
      InferContext context,
      InferSink sink,
      boolean streamed,
      long enqueuedNanos,
      InferRequestView request,
      ModelHandle handle,
      @Nullable LiveTrace trace) {
    this.context = context;
    this.sink = sink;
    this.streamed = streamed;
    this.enqueuedNanos = enqueuedNanos;
    this.request = request;
    this.handle = handle;
    this.trace = trace;
    this.version = handle.version();
    this.rows = version.isBatching() ? Math.toIntExact(version.check().batchSize(request)) : 1;
    this.inputPositions = inputPositions(version, request);
    this.wantedOutputs = wantedOutputs(version, request);
    this.bucket = bucket(version, request, inputPositions);
    Deadline deadline = Context.current().getDeadline();
    long callNanos =
        deadline == null
            ? NO_DEADLINE
            : enqueuedNanos + deadline.timeRemaining(TimeUnit.NANOSECONDS);
    long queueNanos = queueDeadline();
    this.deadlineIsQueueTimeout =
        queueNanos != NO_DEADLINE && (callNanos == NO_DEADLINE || queueNanos - callNanos < 0);
    this.deadlineNanos = deadlineIsQueueTimeout ? queueNanos : callNanos;
  }

  /**
   * Begins an inference. The sink hears of its outcome, possibly before this returns.
   *
   * @param traceparent where the call stands in a trace, as the caller says; null when nothing is
   *     traced, or nothing was said
   * @return the call, to be cancelled if need be; null when it has failed already
   */
  static @Nullable InferCall start(
      InferContext context,
      byte[] message,
      boolean streamed,
      @Nullable String traceparent,
      InferSink sink) {
    long arrivedNanos = context.time().nanoTime();
    Tracing tracing = context.tracing();
    LiveTrace trace = tracing == null ? null : tracing.begin(traceparent, arrivedNanos);
    InferRequestView request;
    ModelHandle handle;
    try {
      if (context.repository().isStopping()) {
        throw ModelRepository.stoppingFault();
      }
      request = InferRequestView.parse(ByteBuffer.wrap(message));
      handle = context.repository().acquire(request.modelName(), request.modelVersion());
    } catch (MalformedMessageException e) {
      return refuse(
          context,
          trace,
          sink,
          Fault.of(
              Status.Code.INVALID_ARGUMENT, "MALFORMED_MESSAGE", String.valueOf(e.getMessage())));
    } catch (Fault e) {
      return refuse(context, trace, sink, e);
    }
    InferCall call;
    try {
      check(handle.version(), request);
      call = new InferCall(context, sink, streamed, arrivedNanos, request, handle, trace);
    } catch (RuntimeException e) {
      handle
          .version()
          .statistics()
          .failed(FailureReason.OTHER, context.time().nanoTime() - arrivedNanos);
      handle.close();
      return refuse(context, trace, sink, prefixed(request.id(), Fault.from(e)));
    }
    call.enqueue();
    return call;
  }

  /** Always null. */
  private static @Nullable InferCall refuse(
      InferContext context, @Nullable LiveTrace trace, InferSink sink, Fault refusal) {
    if (trace != null) {
      InferSpans.ended(trace, null, 0, refusal, context.time().nanoTime());
    }
    sink.fail(refusal);
    return null;
  }

  private static void check(ServedVersion version, InferRequestView request) {
    if (request.usesSharedMemory()) {
      throw Fault.of(
          Status.Code.UNIMPLEMENTED,
          "SHARED_MEMORY",
          "shared memory is not supported; send the tensors in the message");
    }
    String classified = RequestParameters.classified(request);
    if (classified != null) {
      throw Fault.of(
          Status.Code.UNIMPLEMENTED,
          "CLASSIFICATION",
          "the parameter 'classification' of output '"
              + classified
              + "' is not supported; request the output itself");
    }
    String violation = RequestParameters.violation(request);
    if (violation == null) {
      violation = version.check().violation(request);
    }
    if (violation != null) {
      throw Fault.of(Status.Code.INVALID_ARGUMENT, "INVALID_INPUT", violation);
    }
  }

  private long queueDeadline() {
    long micros = version.defaultTimeoutMicros();
    long ownMicros = version.allowsTimeoutOverride() ? RequestParameters.timeoutMicros(request) : 0;
    if (ownMicros > 0) {
      micros = ownMicros;
    }
    // A year is as good as none, and cannot overflow.
    return micros <= 0 || micros > TimeUnit.DAYS.toMicros(365)
        ? NO_DEADLINE
        : enqueuedNanos + TimeUnit.MICROSECONDS.toNanos(micros);
  }

  private static int[] inputPositions(ServedVersion version, InferRequestView request) {
    List<TensorSpec> specs = version.signature().inputs();
    int[] positions = new int[specs.size()];
    for (int i = 0; i < positions.length; i++) {
      String name = specs.get(i).name();
      // Nearly always the same order as the model's.
      int position = i;
      for (int tried = 0; !request.input(position).name().equals(name); tried++) {
        position = tried;
      }
      positions[i] = position;
    }
    return positions;
  }

  private static int[] wantedOutputs(ServedVersion version, InferRequestView request) {
    List<TensorSpec> specs = version.signature().outputs();
    List<RequestedOutput> requested = request.requestedOutputs();
    int[] wanted = new int[requested.isEmpty() ? specs.size() : requested.size()];
    for (int i = 0; i < wanted.length; i++) {
      wanted[i] = i;
      if (!requested.isEmpty()) {
        String name = requested.get(i).name();
        int index = 0;
        while (!specs.get(index).name().equals(name)) {
          index++;
        }
        wanted[i] = index;
      }
    }
    return wanted;
  }

  private static Object bucket(ServedVersion version, InferRequestView request, int[] positions) {
    boolean open =
        version.signature().inputs().stream()
            .anyMatch(spec -> Arrays.stream(spec.dims()).anyMatch(dim -> dim < 0));
    if (!open) {
      return SAME_SHAPE;
    }
    List<Long> shapes = new ArrayList<>();
    for (int position : positions) {
      TensorView input = request.input(position);
      for (int i = version.isBatching() ? 1 : 0; i < input.rank(); i++) {
        shapes.add(input.dim(i));
      }
    }
    return shapes;
  }

  private void enqueue() {
    switch (version.offer(this)) {
      case ACCEPTED -> startTimer();
      case FULL ->
          fail(
              Fault.of(
                      Status.Code.UNAVAILABLE,
                      "QUEUE_FULL",
                      "Exceeds maximum queue size of model '" + version.name() + "'")
                  .pushback(Duration.ofMillis(50)));
      case STOPPED -> fail(ModelRepository.stoppingFault());
    }
  }

  private void startTimer() {
    if (!deadlineIsQueueTimeout) {
      return;
    }
    long leftNanos = Math.max(0, deadlineNanos - context.time().nanoTime());
    timer =
        context
            .timers()
            .after(
                Duration.ofNanos(leftNanos),
                "queue-timeout",
                () -> {
                  if (version.withdraw(this)) {
                    fail(expired());
                  }
                });
    if (ended.get()) {
      stopTimer();
    }
  }

  private void stopTimer() {
    Cancellable running = timer;
    if (running != null) {
      running.cancel();
    }
  }

  /** The caller has gone away: leave the queue, or finish unheard. */
  void cancel() {
    if (version.withdraw(this)) {
      fail(Fault.of(Status.Code.CANCELLED, "CANCELLED", "the call was cancelled"));
    }
  }

  @Override
  public Fault expired() {
    return deadlineIsQueueTimeout
        ? Fault.of(Status.Code.UNAVAILABLE, "QUEUE_TIMEOUT", "Request timeout expired")
        : Fault.of(
            Status.Code.DEADLINE_EXCEEDED,
            "DEADLINE_EXCEEDED",
            "the deadline passed before the request could be run");
  }

  @Override
  public void answer(BatchOutputs outputs, int fromRow, BatchTiming timing) {
    long startNanos = context.time().nanoTime();
    byte[] response =
        ResponseEncoder.encode(
            version, request.id(), wantedOutputs, outputs, fromRow, rows, streamed);
    long endNanos = context.time().nanoTime();
    if (!ended.compareAndSet(false, true)) {
      return;
    }
    stopTimer();
    long queueNanos = Math.max(0, timing.sealedNanos() - enqueuedNanos);
    version
        .statistics()
        .succeeded(
            rows,
            context.time().wallMillis(),
            endNanos - enqueuedNanos,
            queueNanos,
            timing.inputNanos(),
            timing.inferNanos(),
            endNanos - startNanos);
    ServerTiming told =
        ServerTiming.newBuilder()
            .setQueueNanos(queueNanos)
            .setComputeInputNanos(timing.inputNanos())
            .setComputeInferNanos(timing.inferNanos())
            .setComputeOutputNanos(endNanos - startNanos)
            .setBatchSize(timing.rows())
            .setServer(context.serverName())
            .setDigest(version.digest())
            .setBatchWaitNanos(Math.min(batchWaitNanos, queueNanos))
            .setNode(context.node())
            .build();
    LiveTrace traced = trace;
    if (traced != null) {
      InferSpans.answered(traced, version, timing, enqueuedNanos, startNanos, endNanos, rows);
    }
    handle.close();
    tell(() -> sink.answer(response, told));
  }

  @Override
  public void fail(Fault fault) {
    if (!ended.compareAndSet(false, true)) {
      return;
    }
    stopTimer();
    FailureReason reason =
        switch (fault.code()) {
          case UNAVAILABLE, DEADLINE_EXCEEDED -> FailureReason.REJECTED;
          case CANCELLED -> FailureReason.CANCELED;
          case INTERNAL -> FailureReason.BACKEND;
          default -> FailureReason.OTHER;
        };
    long now = context.time().nanoTime();
    version.statistics().failed(reason, now - enqueuedNanos);
    LiveTrace traced = trace;
    if (traced != null) {
      InferSpans.ended(traced, version, rows, fault, now);
    }
    handle.close();
    tell(() -> sink.fail(prefixed(request.id(), fault)));
  }

  /** A peer that has gone must not harm the instance that serves the others. */
  private static void tell(Runnable step) {
    try {
      step.run();
    } catch (RuntimeException e) {
      log.log(Level.FINE, "An outcome could not be sent", e);
    }
  }

  private static Fault prefixed(String id, Fault fault) {
    if (id.isEmpty() || fault.details().pushback() != null) {
      return fault;
    }
    Fault named =
        Fault.of(fault.code(), fault.reason(), "[request id: " + id + "] " + fault.getMessage());
    Throwable cause = fault.getCause();
    return cause == null ? named : named.cause(cause);
  }

  @Override
  public @Nullable TraceContext traced() {
    LiveTrace traced = trace;
    return traced == null ? null : traced.own();
  }

  @Override
  public int rows() {
    return rows;
  }

  @Override
  public Object bucket() {
    return bucket;
  }

  @Override
  public long enqueuedNanos() {
    return enqueuedNanos;
  }

  @Override
  public long deadlineNanos() {
    return deadlineNanos;
  }

  @Override
  public void taken(long waitNanos) {
    batchWaitNanos = waitNanos;
  }

  @Override
  public long[] shape(int input) {
    return request.input(inputPositions[input]).shape();
  }

  @Override
  public ByteBuffer data(int input) {
    return TensorData.of(request, inputPositions[input]);
  }

  @Override
  public boolean wants(int output) {
    for (int wanted : wantedOutputs) {
      if (wanted == output) {
        return true;
      }
    }
    return false;
  }
}
