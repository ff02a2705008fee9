package dev.understudy.router.testing;

import dev.understudy.proto.v1.BlockAck;
import dev.understudy.proto.v1.CollectorIntakeGrpc;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.ComparisonSummary;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.EvidenceIntakeGrpc;
import dev.understudy.proto.v1.HistogramSummary;
import dev.understudy.proto.v1.LineageAck;
import dev.understudy.proto.v1.LineageBatch;
import dev.understudy.proto.v1.PayloadRecord;
import dev.understudy.proto.v1.PayloadSummary;
import dev.understudy.proto.v1.StageHistograms;
import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A comparator and a collector that remember what they were sent, as often as it was sent. */
public final class FakeReceivers implements AutoCloseable {
  private final List<EvidenceBlock> blocks = new CopyOnWriteArrayList<>();
  private final List<Comparison> comparisons = new CopyOnWriteArrayList<>();
  private final List<LineageBatch> lineage = new CopyOnWriteArrayList<>();
  private final List<PayloadRecord> payloads = new CopyOnWriteArrayList<>();
  private final List<StageHistograms> histograms = new CopyOnWriteArrayList<>();
  private final int port;
  private volatile boolean acknowledging = true;
  private volatile Server server;

  private FakeReceivers() throws IOException {
    server = listen(0);
    port = server.getPort();
  }

  /** Both on one free port. */
  public static FakeReceivers start() throws IOException {
    return new FakeReceivers();
  }

  /** {@code host:port}. */
  public String address() {
    return "127.0.0.1:" + port;
  }

  /** Whether blocks and lineage are acknowledged from now on. */
  public void acknowledge(boolean yes) {
    acknowledging = yes;
  }

  /** Blocks in the order of arrival, repetitions included. */
  public List<EvidenceBlock> blocks() {
    return blocks;
  }

  /** Comparisons in the order of arrival. */
  public List<Comparison> comparisons() {
    return comparisons;
  }

  /** Lineage batches in the order of arrival, repetitions included. */
  public List<LineageBatch> lineage() {
    return lineage;
  }

  /** Payloads in the order of arrival. */
  public List<PayloadRecord> payloads() {
    return payloads;
  }

  /** Histograms in the order of arrival. */
  public List<StageHistograms> histograms() {
    return histograms;
  }

  /** Breaks all connections and refuses new ones. */
  public void kill() {
    server.shutdownNow();
    try {
      if (!server.awaitTermination(5, TimeUnit.SECONDS)) {
        throw new IllegalStateException("the fake receivers did not end within 5 s");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Listens again on the same port. */
  public void revive() throws IOException {
    server = listen(port);
  }

  @Override
  public void close() {
    kill();
  }

  private Server listen(int at) throws IOException {
    return NettyServerBuilder.forAddress(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), at))
        .permitKeepAliveTime(1, TimeUnit.SECONDS)
        .permitKeepAliveWithoutCalls(true)
        .addService(new Comparator())
        .addService(new Collector())
        .build()
        .start();
  }

  private static <M> StreamObserver<M> each(Consumer<M> action, Runnable end) {
    return new StreamObserver<>() {
      @Override
      public void onNext(M message) {
        action.accept(message);
      }

      @Override
      public void onError(Throwable failure) {}

      @Override
      public void onCompleted() {
        end.run();
      }
    };
  }

  private final class Comparator extends EvidenceIntakeGrpc.EvidenceIntakeImplBase {
    @Override
    public StreamObserver<EvidenceBlock> sendBlocks(StreamObserver<BlockAck> acks) {
      return each(
          block -> {
            blocks.add(block);
            if (acknowledging) {
              acks.onNext(
                  BlockAck.newBuilder()
                      .setBootId(block.getBootId())
                      .setSequence(block.getSequence())
                      .build());
            }
          },
          acks::onCompleted);
    }

    @Override
    public StreamObserver<Comparison> sendComparisons(StreamObserver<ComparisonSummary> end) {
      return each(comparisons::add, end::onCompleted);
    }
  }

  private final class Collector extends CollectorIntakeGrpc.CollectorIntakeImplBase {
    @Override
    public StreamObserver<LineageBatch> sendLineage(StreamObserver<LineageAck> acks) {
      return each(
          batch -> {
            lineage.add(batch);
            if (acknowledging) {
              acks.onNext(
                  LineageAck.newBuilder()
                      .setBootId(batch.getBootId())
                      .setSequence(batch.getSequence())
                      .build());
            }
          },
          acks::onCompleted);
    }

    @Override
    public StreamObserver<PayloadRecord> sendPayloads(StreamObserver<PayloadSummary> end) {
      return each(payloads::add, end::onCompleted);
    }

    @Override
    public StreamObserver<StageHistograms> sendHistograms(StreamObserver<HistogramSummary> end) {
      return each(histograms::add, end::onCompleted);
    }
  }
}
