package dev.understudy.launcher.offline;

import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.GrpcServers;
import dev.understudy.chassis.rpc.RpcServer;
import dev.understudy.chassis.rpc.ServerOptions;
import dev.understudy.chassis.time.Cancellable;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.comparator.log.EvidenceFile;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceImplBase;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ModelReadyRequest;
import dev.understudy.proto.inference.ModelReadyResponse;
import dev.understudy.proto.inference.ServerLiveRequest;
import dev.understudy.proto.inference.ServerLiveResponse;
import dev.understudy.proto.inference.ServerReadyRequest;
import dev.understudy.proto.inference.ServerReadyResponse;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.Intent;
import dev.understudy.router.hash.StableHash;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Takes the copies of requests that a proxy mirrors, answers them at once with nothing in them, and
 * asks both versions the same afterwards: no customer waits for it, none gets an answer of it.
 *
 * <p>What is under way is bounded in calls and in bytes; a copy that finds no room is dropped and
 * counted. Each call has a deadline, so a slow or dead server costs room for that long and no
 * longer. Requests are held in memory until they are answered, and nowhere else; reports and log
 * call them by their number.
 */
public final class Tap implements AutoCloseable {
  private static final Logger log = Logger.getLogger(Tap.class.getName());
  private static final Duration CUT = Duration.ofSeconds(1);
  private static final String SHARED_MEMORY = "shared_memory_region";

  /** Set where a copy is one of our own questions, which a mirrored route has brought back. */
  private static final Context.Key<Boolean> OWN = Context.key("own");

  /**
   * What is tapped and how.
   *
   * @param server where copies arrive
   * @param champion the version that customers are answered by
   * @param options how both versions are reached
   * @param fraction of the copies that are asked, 0 to 1
   * @param maxCalls copies under way at once
   * @param maxBytes their size in all
   * @param timeout of each call
   * @param log where the evidence log is written, or null
   */
  public record Options(
      ServerOptions.Builder server,
      Subject.Served champion,
      Subject.Served challenger,
      ChannelOptions options,
      @Nullable Path contract,
      @Nullable Path plan,
      Intent intent,
      boolean control,
      double fraction,
      int maxCalls,
      long maxBytes,
      long seed,
      Duration timeout,
      @Nullable Path log) {
    /** Checks the numbers. */
    public Options {
      if (!(fraction > 0 && fraction <= 1)) {
        throw new IllegalArgumentException("fraction: " + fraction + " (expected: > 0 and <= 1)");
      }
      if (maxCalls < 1 || maxBytes < 1) {
        throw new IllegalArgumentException(
            "bounds: " + maxCalls + " calls, " + maxBytes + " bytes (expected: >= 1)");
      }
    }
  }

  /**
   * What has arrived so far.
   *
   * @param copies that arrived, of whatever model
   * @param others of another model, of our own questions, or with data in shared memory, which is
   *     not there to be sent
   * @param leftOut by the fraction
   * @param dropped because too much was under way
   * @param asked of which both versions have answered or failed
   * @param underWay now
   */
  public record Counts(
      long copies, long others, long leftOut, long dropped, long asked, long underWay) {}

  private final Options options;
  private final Pairing pairing;
  private final Trio.Callers callers;
  private final Recorder recorder;
  private final Scheduler scheduler;
  private final ThreadPoolExecutor counting;
  private final RpcServer server;
  private final Cancellable cutting;
  private final AtomicReference<@Nullable IOException> broken = new AtomicReference<>();
  private final AtomicLong copies = new AtomicLong();
  private final AtomicLong others = new AtomicLong();
  private final AtomicLong leftOut = new AtomicLong();
  private final AtomicLong dropped = new AtomicLong();
  private final AtomicLong asked = new AtomicLong();
  private final AtomicLong calls = new AtomicLong();
  private final AtomicLong bytes = new AtomicLong();

  private Tap(Options options, Pairing pairing, Recorder recorder) throws IOException {
    this.options = options;
    this.pairing = pairing;
    this.callers =
        new Trio.Callers(
            pairing.champion(), pairing.challenger(), options.control(), options.timeout());
    this.recorder = recorder;
    this.counting =
        (ThreadPoolExecutor)
            Executors.newFixedThreadPool(
                1, Thread.ofPlatform().daemon().name("tap-counting").factory());
    this.scheduler = Scheduler.daemon("tap");
    this.server =
        GrpcServers.server(
            options
                .server()
                .service(new Mirrored())
                .intercept(new OwnCalls())
                .directExecutor(true)
                .build());
    this.cutting = scheduler.every(CUT, "cut", this::cut);
  }

  /**
   * Listens from now on.
   *
   * @throws OfflineException when a version is not there, or both take different inputs
   * @throws IOException when the port is taken or the log cannot be written
   */
  public static Tap start(Options options) throws IOException, OfflineException {
    Pairing pairing = Pairing.open(options.champion(), options.challenger(), options.options());
    Recorder recorder = null;
    try {
      var champion = pairing.champion().metadata();
      var challenger = pairing.challenger().metadata();
      Signatures.check(pairing, champion, challenger);
      TimeSource time = TimeSource.system();
      EvaluationSpec spec =
          Judgement.spec(
              "tap-" + options.champion().model(),
              pairing.model(),
              new Judgement.Aim(options.intent(), options.plan(), options.control(), false, false),
              new Judgement.Named(
                  pairing.champion().shownAs(), champion.getPropertiesOrDefault("digest", "")),
              new Judgement.Named(
                  pairing.challenger().shownAs(), challenger.getPropertiesOrDefault("digest", "")),
              Contracts.read(options.contract()),
              options.seed(),
              time.wallMillis());
      recorder =
          new Recorder(
              spec,
              options.control(),
              time,
              options.log() == null ? null : EvidenceFile.write(options.log()));
      return new Tap(options, pairing, recorder);
    } catch (IOException | OfflineException | RuntimeException e) {
      if (recorder != null) {
        recorder.close();
      }
      pairing.close();
      throw e;
    }
  }

  /** The port it really listens on. */
  public int port() {
    return server.port();
  }

  /** What has arrived so far. */
  public Counts counts() {
    return new Counts(
        copies.get(), others.get(), leftOut.get(), dropped.get(), asked.get(), calls.get());
  }

  /** What the evidence amounts to, up to the last whole second. */
  public EvidenceReport report() {
    return recorder.report();
  }

  /** Why the log can no longer be written; null while it can. Then nothing more is recorded. */
  public @Nullable IOException broken() {
    return broken.get();
  }

  private void took(ModelInferRequest request) {
    long number = copies.incrementAndGet();
    if (OWN.get() != null
        || !request.getModelName().equals(options.champion().model())
        || sharesMemory(request)) {
      others.incrementAndGet();
      return;
    }
    long draw = StableHash.of(options.seed(), Long.toString(number));
    if (StableHash.unit(draw) >= options.fraction()) {
      leftOut.incrementAndGet();
      return;
    }
    int size = request.getSerializedSize();
    boolean room = calls.incrementAndGet() <= options.maxCalls();
    if (bytes.addAndGet(size) > options.maxBytes() || !room) {
      calls.decrementAndGet();
      bytes.addAndGet(-size);
      dropped.incrementAndGet();
      recorder.dropped();
      return;
    }
    // By number, not by the caller's id: that may tell who the customer is, and names are kept.
    String id = "copy " + number;
    var _ =
        callers
            .ask(id, request, true, draw)
            .thenAcceptAsync(recorder::trio, counting)
            .whenComplete((done, thrown) -> {
              calls.decrementAndGet();
              bytes.addAndGet(-size);
              asked.incrementAndGet();
              if (thrown != null) {
                log.log(Level.WARNING, "A copy could not be counted", thrown);
              }
            });
  }

  private static boolean sharesMemory(ModelInferRequest request) {
    return request.getInputsList().stream()
        .anyMatch(input -> input.containsParameters(SHARED_MEMORY));
  }

  private void cut() {
    if (broken.get() != null) {
      return;
    }
    try {
      recorder.cut();
    } catch (IOException e) {
      broken.set(e);
      log.log(Level.SEVERE, "The evidence log cannot be written; nothing more is recorded", e);
    }
  }

  /**
   * Takes no more copies, waits for those under way as long as their deadline lasts, and ends the
   * log.
   *
   * @throws IOException when the log cannot be written
   */
  public EvidenceReport finish() throws IOException, InterruptedException {
    server.close();
    long deadline = System.nanoTime() + options.timeout().toNanos() + CUT.toNanos();
    while (calls.get() > 0 && System.nanoTime() < deadline) {
      TimeUnit.MILLISECONDS.sleep(5);
    }
    cutting.cancel();
    scheduler.close();
    IOException lost = broken.get();
    if (lost != null) {
      throw lost;
    }
    return recorder.finish();
  }

  @Override
  public void close() throws IOException {
    server.close();
    scheduler.close();
    counting.shutdownNow();
    pairing.close();
    recorder.close();
  }

  /** Without it a mirrored route to the champion would bring back every question, for ever. */
  private static final class OwnCalls implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      Context context = Context.current();
      return Contexts.interceptCall(
          headers.containsKey(Endpoint.OURS) ? context.withValue(OWN, true) : context,
          call,
          headers,
          next);
    }
  }

  /** What a proxy sends copies to: ready for all it asks, with nothing to say. */
  private final class Mirrored extends GRPCInferenceServiceImplBase {
    @Override
    public void modelInfer(
        ModelInferRequest request, StreamObserver<ModelInferResponse> responses) {
      answer(
          responses,
          ModelInferResponse.newBuilder()
              .setModelName(request.getModelName())
              .setId(request.getId())
              .build());
      took(request);
    }

    @Override
    public void serverLive(
        ServerLiveRequest request, StreamObserver<ServerLiveResponse> responses) {
      answer(responses, ServerLiveResponse.newBuilder().setLive(true).build());
    }

    @Override
    public void serverReady(
        ServerReadyRequest request, StreamObserver<ServerReadyResponse> responses) {
      answer(responses, ServerReadyResponse.newBuilder().setReady(true).build());
    }

    @Override
    public void modelReady(
        ModelReadyRequest request, StreamObserver<ModelReadyResponse> responses) {
      answer(responses, ModelReadyResponse.newBuilder().setReady(true).build());
    }

    private static <T> void answer(StreamObserver<T> responses, T response) {
      responses.onNext(response);
      responses.onCompleted();
    }
  }
}
