package dev.understudy.loadtest.bench.proxy;

import dev.understudy.proto.v1.BlockAck;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.CollectorIntakeGrpc;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.ComparisonSummary;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.EvidenceIntakeGrpc;
import dev.understudy.proto.v1.HistogramSummary;
import dev.understudy.proto.v1.LineageAck;
import dev.understudy.proto.v1.LineageBatch;
import dev.understudy.proto.v1.PairCell;
import dev.understudy.proto.v1.PayloadRecord;
import dev.understudy.proto.v1.PayloadSummary;
import dev.understudy.proto.v1.StageHistograms;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Takes everything that a router sends aside, acknowledges it and counts it: a comparator and a
 * collector that cost little. What it has counted is in a file twice a second, so that whoever
 * measures can tell whether the router delivered all that it claims.
 *
 * <p>Arguments: the port on loopback, and the file.
 */
public final class Sink {
  private final AtomicLong assigned = new AtomicLong();
  private final AtomicLong lastSequence = new AtomicLong();
  private final AtomicLong missingBlocks = new AtomicLong();
  private final AtomicLong pairs = new AtomicLong();
  private final AtomicLong droppedCopies = new AtomicLong();
  private final AtomicLong comparisons = new AtomicLong();
  private final AtomicLong lineage = new AtomicLong();
  private final AtomicLong lineageDropped = new AtomicLong();
  private final AtomicLong histograms = new AtomicLong();

  private Sink() {}

  /** Runs until the process is ended. */
  public static void main(String[] args) throws IOException, InterruptedException {
    Sink sink = new Sink();
    Path file = Path.of(args[1]);
    try (var clock = new ScheduledThreadPoolExecutor(1)) {
      var _ = clock.scheduleAtFixedRate(() -> sink.write(file), 500, 500, TimeUnit.MILLISECONDS);
      NettyServerBuilder.forPort(Integer.parseInt(args[0]))
          .directExecutor()
          .maxInboundMessageSize(64 << 20)
          .addService(sink.new Evidence())
          .addService(sink.new Collector())
          .build()
          .start()
          .awaitTermination();
    }
  }

  private void write(Path file) {
    try {
      Path fresh = file.resolveSibling(file.getFileName() + ".new");
      Files.writeString(
          fresh,
          "assigned "
              + assigned
              + "\nmissingBlocks "
              + missingBlocks
              + "\npairs "
              + pairs
              + "\ndroppedCopies "
              + droppedCopies
              + "\ncomparisons "
              + comparisons
              + "\nlineage "
              + lineage
              + "\nlineageDropped "
              + lineageDropped
              + "\nhistograms "
              + histograms
              + "\n");
      Files.move(fresh, file, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      System.err.println(file + " cannot be written: " + e.getMessage());
    }
  }

  private final class Evidence extends EvidenceIntakeGrpc.EvidenceIntakeImplBase {
    @Override
    public StreamObserver<EvidenceBlock> sendBlocks(StreamObserver<BlockAck> answers) {
      return new Taking<>(
          block -> {
            long sequence = block.getSequence();
            long last = lastSequence.get();
            if (sequence > last) {
              missingBlocks.addAndGet(last == 0 ? 0 : sequence - last - 1);
              lastSequence.set(sequence);
              for (Cell cell : block.getCellsList()) {
                assigned.addAndGet(cell.getAssigned() + cell.getLeftOut());
              }
              for (PairCell cell : block.getPairsList()) {
                pairs.addAndGet(
                    cell.getBothOk()
                        + cell.getOnlyChampionBad()
                        + cell.getOnlyCopyBad()
                        + cell.getBothBad());
                droppedCopies.addAndGet(cell.getDropped());
              }
            }
            answers.onNext(
                BlockAck.newBuilder().setBootId(block.getBootId()).setSequence(sequence).build());
          },
          answers::onCompleted);
    }

    @Override
    public StreamObserver<Comparison> sendComparisons(StreamObserver<ComparisonSummary> answer) {
      return new Taking<>(
          comparison -> comparisons.incrementAndGet(),
          () -> {
            answer.onNext(ComparisonSummary.getDefaultInstance());
            answer.onCompleted();
          });
    }
  }

  private final class Collector extends CollectorIntakeGrpc.CollectorIntakeImplBase {
    @Override
    public StreamObserver<LineageBatch> sendLineage(StreamObserver<LineageAck> answers) {
      return new Taking<>(
          batch -> {
            lineage.addAndGet(batch.getRecordsCount());
            lineageDropped.addAndGet(batch.getDropped());
            answers.onNext(
                LineageAck.newBuilder()
                    .setBootId(batch.getBootId())
                    .setSequence(batch.getSequence())
                    .build());
          },
          answers::onCompleted);
    }

    @Override
    public StreamObserver<PayloadRecord> sendPayloads(StreamObserver<PayloadSummary> answer) {
      return new Taking<>(
          payload -> {},
          () -> {
            answer.onNext(PayloadSummary.getDefaultInstance());
            answer.onCompleted();
          });
    }

    @Override
    public StreamObserver<StageHistograms> sendHistograms(StreamObserver<HistogramSummary> answer) {
      return new Taking<>(
          cut -> histograms.addAndGet(cut.getHistogramsCount()),
          () -> {
            answer.onNext(HistogramSummary.getDefaultInstance());
            answer.onCompleted();
          });
    }
  }

  private static final class Taking<T> implements StreamObserver<T> {
    private final Consumer<T> each;
    private final Runnable end;

    Taking(Consumer<T> each, Runnable end) {
      this.each = each;
      this.end = end;
    }

    @Override
    public void onNext(T value) {
      each.accept(value);
    }

    @Override
    public void onError(Throwable gone) {
      // The router has ended; there is nobody to answer.
    }

    @Override
    public void onCompleted() {
      end.run();
    }
  }
}
