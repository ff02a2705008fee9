package dev.understudy.comparator;

import com.google.protobuf.ByteString;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.comparator.config.ComparatorConfig;
import dev.understudy.comparator.intake.Blocks;
import dev.understudy.comparator.log.LogFiles;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.ComparisonSummary;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceIntakeGrpc;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.EvidenceServiceGrpc;
import dev.understudy.proto.v1.EvidenceServiceGrpc.EvidenceServiceBlockingStub;
import dev.understudy.proto.v1.OutputKind;
import dev.understudy.proto.v1.ReadLogRequest;
import dev.understudy.proto.v1.ReportRequest;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.TensorValue;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;

/** One comparator on loopback, and a channel to it. */
final class Rig implements AutoCloseable {
  static final Duration PATIENCE = Duration.ofSeconds(20);
  static final ReportRequest REPORT = ReportRequest.newBuilder().setRolloutId("r").build();

  final Comparator comparator;
  final ManagedChannel channel;

  Rig(ComparatorConfig config) throws IOException {
    this(config, TimeSource.system());
  }

  Rig(ComparatorConfig config, TimeSource time) throws IOException {
    comparator = Comparator.start(config, time, LogFiles.system());
    channel = Channels.open(address(), ChannelOptions.plaintext());
  }

  HostPort address() {
    return HostPort.loopback(comparator.ports().getOrDefault("grpc", 0));
  }

  EvidenceServiceBlockingStub service() {
    return EvidenceServiceGrpc.newBlockingStub(channel)
        .withDeadlineAfter(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
  }

  EvidenceReport report() {
    return service().getReport(REPORT);
  }

  EvidenceReport awaitReport(Predicate<EvidenceReport> wanted) {
    Iterator<EvidenceReport> reports = service().watchReport(REPORT);
    while (true) {
      EvidenceReport report = reports.next();
      if (wanted.test(report)) {
        return report;
      }
    }
  }

  List<EvidenceLogRecord> log() {
    List<EvidenceLogRecord> records = new ArrayList<>();
    service()
        .readLog(ReadLogRequest.newBuilder().setRolloutId("r").build())
        .forEachRemaining(records::add);
    return records;
  }

  /** Sends comparisons on a stream of their own, and returns when all have been taken. */
  void compare(List<Comparison> comparisons) throws Exception {
    CompletableFuture<ComparisonSummary> summary = new CompletableFuture<>();
    StreamObserver<Comparison> stream =
        EvidenceIntakeGrpc.newStub(channel).sendComparisons(first(summary));
    comparisons.forEach(stream::onNext);
    stream.onCompleted();
    summary.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
  }

  static <T> StreamObserver<T> first(CompletableFuture<T> first) {
    return new StreamObserver<>() {
      @Override
      public void onNext(T value) {
        first.complete(value);
      }

      @Override
      public void onError(Throwable t) {
        first.completeExceptionally(t);
      }

      @Override
      public void onCompleted() {}
    };
  }

  /** Waits until something holds. */
  static void await(String what, BooleanSupplier holds) throws InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!holds.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("not in time: " + what);
      }
      TimeUnit.MILLISECONDS.sleep(5);
    }
  }

  static EvaluationSpec spec() {
    return Blocks.spec("r")
        .setContract(
            DataContract.newBuilder()
                .setDecision(
                    Decision.newBuilder()
                        .setOutput("p")
                        .setKind(OutputKind.PROBABILITIES)
                        .setColumn(1)
                        .setCutoff(0.5)))
        .build();
  }

  static List<Cell> good() {
    return List.of(Blocks.cell("r", Role.CANARY, 25, 0), Blocks.cell("r", Role.CHAMPION, 75, 0));
  }

  static Comparison comparison(String id, Role role, TensorValue champion, TensorValue copy) {
    return Comparison.newBuilder()
        .setRolloutId("r")
        .setPredictionId(id)
        .setRole(role)
        .setVersion(role == Role.SHADOW ? "8" : "7")
        .addChampionOutputs(champion)
        .addOutputs(copy)
        .build();
  }

  static TensorValue probability(float p) {
    return floats("p", 1 - p, p);
  }

  static TensorValue floats(String name, float... values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      bytes.putFloat(value);
    }
    return TensorValue.newBuilder()
        .setName(name)
        .setDatatype("FP32")
        .addShape(1)
        .addShape(values.length)
        .setData(ByteString.copyFrom(bytes.flip()))
        .build();
  }

  @Override
  public void close() {
    Channels.close(channel, Duration.ZERO);
    comparator.close();
  }
}
