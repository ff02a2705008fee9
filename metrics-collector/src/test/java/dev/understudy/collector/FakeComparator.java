package dev.understudy.collector;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.GrpcServers;
import dev.understudy.chassis.rpc.RpcServer;
import dev.understudy.chassis.rpc.ServerOptions;
import dev.understudy.proto.v1.EvidenceIntakeGrpc;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.EvidenceServiceGrpc;
import dev.understudy.proto.v1.LabelAck;
import dev.understudy.proto.v1.LabelledPrediction;
import dev.understudy.proto.v1.ListEvaluationsRequest;
import dev.understudy.proto.v1.ListEvaluationsResponse;
import dev.understudy.proto.v1.ReportRequest;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** Keeps labels by sequence, as a comparator does, and may hold its acknowledgements back. */
final class FakeComparator implements AutoCloseable {
  private final TreeMap<Long, LabelledPrediction> labels = new TreeMap<>();
  private boolean acknowledges = true;
  private RpcServer server;

  FakeComparator() throws IOException {
    server = start(0);
  }

  int port() {
    return server.port();
  }

  HostPort address() {
    return HostPort.loopback(port());
  }

  synchronized void acknowledge(boolean value) {
    acknowledges = value;
  }

  /** By sequence, each once. */
  synchronized List<LabelledPrediction> labels() {
    return List.copyOf(labels.values());
  }

  /** Waits until so many labels are there; for at most 60 seconds. */
  synchronized List<LabelledPrediction> await(int count) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (labels.size() < count) {
      long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      if (left <= 0) {
        throw new AssertionError(labels.size() + " labels (expected: " + count + ")");
      }
      wait(left);
    }
    return labels();
  }

  void stop() {
    server.close();
  }

  void startAgain(int port) throws IOException {
    server = start(port);
  }

  @Override
  public void close() {
    server.close();
  }

  private RpcServer start(int port) throws IOException {
    return GrpcServers.server(
        ServerOptions.at(HostPort.loopback(port))
            .service(new Intake())
            .service(new Reports())
            .build());
  }

  private synchronized boolean take(LabelledPrediction label) {
    LabelledPrediction before = labels.putIfAbsent(label.getSequence(), label);
    if (before != null && !before.equals(label)) {
      throw new IllegalStateException("sequence " + label.getSequence() + " changed its content");
    }
    notifyAll();
    return acknowledges;
  }

  private final class Intake extends EvidenceIntakeGrpc.EvidenceIntakeImplBase {
    @Override
    public StreamObserver<LabelledPrediction> sendLabels(StreamObserver<LabelAck> acks) {
      return new StreamObserver<>() {
        @Override
        public void onNext(LabelledPrediction label) {
          if (take(label)) {
            acks.onNext(LabelAck.newBuilder().setSequence(label.getSequence()).build());
          }
        }

        @Override
        public void onError(Throwable gone) {}

        @Override
        public void onCompleted() {
          acks.onCompleted();
        }
      };
    }
  }

  private static final class Reports extends EvidenceServiceGrpc.EvidenceServiceImplBase {
    @Override
    public void listEvaluations(
        ListEvaluationsRequest request, StreamObserver<ListEvaluationsResponse> answer) {
      answer.onNext(ListEvaluationsResponse.newBuilder().addRolloutIds("r-1").build());
      answer.onCompleted();
    }

    @Override
    public void watchReport(ReportRequest request, StreamObserver<EvidenceReport> answer) {
      // Stays open, as a watch does.
      answer.onNext(
          EvidenceReport.newBuilder()
              .setRolloutId(request.getRolloutId())
              .setModel("fraud")
              .setStatement("nothing speaks against version 2")
              .build());
    }
  }
}
