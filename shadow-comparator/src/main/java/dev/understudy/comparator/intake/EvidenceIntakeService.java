package dev.understudy.comparator.intake;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.v1.BlockAck;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.ComparisonSummary;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.EvidenceIntakeGrpc;
import dev.understudy.proto.v1.LabelAck;
import dev.understudy.proto.v1.LabelledPrediction;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;

/**
 * The streams into the comparator. A sender may be so many messages ahead of the disk; gRPC's flow
 * control makes it wait beyond that.
 */
public final class EvidenceIntakeService extends EvidenceIntakeGrpc.EvidenceIntakeImplBase {
  private static final int BLOCKS_AHEAD = 32;
  private static final int LABELS_AHEAD = 256;

  private final Intake intake;

  /** Serves streams into this intake. */
  public EvidenceIntakeService(Intake intake) {
    this.intake = intake;
  }

  @Override
  public StreamObserver<EvidenceBlock> sendBlocks(StreamObserver<BlockAck> responses) {
    var call = (ServerCallStreamObserver<BlockAck>) responses;
    BlockSender sender = new GrpcBlockSender(call);
    call.disableAutoRequest();
    call.setOnCancelHandler(() -> intake.blocksClosed(sender));
    intake.blocksOpened(sender);
    call.request(BLOCKS_AHEAD);
    return new StreamObserver<>() {
      @Override
      public void onNext(EvidenceBlock block) {
        intake.block(sender, block);
      }

      @Override
      public void onError(Throwable t) {
        intake.blocksClosed(sender);
      }

      @Override
      public void onCompleted() {
        intake.blocksEnded(sender);
      }
    };
  }

  @Override
  public StreamObserver<Comparison> sendComparisons(StreamObserver<ComparisonSummary> responses) {
    return new StreamObserver<>() {
      private long received;
      private long dropped;

      @Override
      public void onNext(Comparison comparison) {
        received++;
        if (!intake.comparison(comparison)) {
          dropped++;
        }
      }

      @Override
      public void onError(Throwable t) {
        // The router will open another stream; what came is queued already.
      }

      @Override
      public void onCompleted() {
        responses.onNext(
            ComparisonSummary.newBuilder().setReceived(received).setDropped(dropped).build());
        responses.onCompleted();
      }
    };
  }

  @Override
  public StreamObserver<LabelledPrediction> sendLabels(StreamObserver<LabelAck> responses) {
    var call = (ServerCallStreamObserver<LabelAck>) responses;
    LabelSender sender = new GrpcLabelSender(call);
    call.disableAutoRequest();
    call.setOnCancelHandler(() -> intake.labelsClosed(sender));
    intake.labelsOpened(sender);
    call.request(LABELS_AHEAD);
    return new StreamObserver<>() {
      @Override
      public void onNext(LabelledPrediction label) {
        intake.label(sender, label);
      }

      @Override
      public void onError(Throwable t) {
        intake.labelsClosed(sender);
      }

      @Override
      public void onCompleted() {
        intake.labelsEnded(sender);
      }
    };
  }

  private static final class GrpcBlockSender implements BlockSender {
    private final ServerCallStreamObserver<BlockAck> call;

    GrpcBlockSender(ServerCallStreamObserver<BlockAck> call) {
      this.call = call;
    }

    @Override
    public void acknowledge(BlockAck ack) {
      if (!call.isCancelled()) {
        call.onNext(ack);
      }
    }

    @Override
    public void request(int blocks) {
      call.request(blocks);
    }

    @Override
    public void complete() {
      if (!call.isCancelled()) {
        call.onCompleted();
      }
    }

    @Override
    public void fail(Fault fault) {
      if (!call.isCancelled()) {
        Fault.fail(call, fault);
      }
    }
  }

  private static final class GrpcLabelSender implements LabelSender {
    private final ServerCallStreamObserver<LabelAck> call;

    GrpcLabelSender(ServerCallStreamObserver<LabelAck> call) {
      this.call = call;
    }

    @Override
    public void acknowledge(long sequence) {
      if (!call.isCancelled()) {
        call.onNext(LabelAck.newBuilder().setSequence(sequence).build());
      }
    }

    @Override
    public void request(int labels) {
      call.request(labels);
    }

    @Override
    public void complete() {
      if (!call.isCancelled()) {
        call.onCompleted();
      }
    }

    @Override
    public void fail(Fault fault) {
      if (!call.isCancelled()) {
        Fault.fail(call, fault);
      }
    }
  }
}
