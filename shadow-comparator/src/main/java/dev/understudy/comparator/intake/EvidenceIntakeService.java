package dev.understudy.comparator.intake;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.v1.BlockAck;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.ComparisonSummary;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.EvidenceIntakeGrpc;
import dev.understudy.proto.v1.LabelAck;
import dev.understudy.proto.v1.LabelledPrediction;
import dev.understudy.proto.v1.TallyAck;
import dev.understudy.proto.v1.WorkerTally;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.function.LongFunction;

/**
 * The streams into the comparator. A sender may be so many messages ahead of the disk; gRPC's flow
 * control makes it wait beyond that.
 */
public final class EvidenceIntakeService extends EvidenceIntakeGrpc.EvidenceIntakeImplBase {
  private static final int BLOCKS_AHEAD = 32;
  private static final int LABELS_AHEAD = 256;
  private static final int TALLIES_AHEAD = 32;

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
    return new ComparisonStream(intake::comparison, responses);
  }

  @Override
  public StreamObserver<LabelledPrediction> sendLabels(StreamObserver<LabelAck> responses) {
    var call = (ServerCallStreamObserver<LabelAck>) responses;
    SequenceSender sender =
        new GrpcSequenceSender<>(
            call, sequence -> LabelAck.newBuilder().setSequence(sequence).build());
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

  @Override
  public StreamObserver<WorkerTally> sendTallies(StreamObserver<TallyAck> responses) {
    return new TallyStream(intake, (ServerCallStreamObserver<TallyAck>) responses);
  }

  /** Tallies of one worker; a stream is of one start of it. */
  private static final class TallyStream implements StreamObserver<WorkerTally> {
    private final Intake intake;
    private final SequenceSender sender;
    private volatile String bootId = "";

    TallyStream(Intake intake, ServerCallStreamObserver<TallyAck> call) {
      this.intake = intake;
      this.sender =
          new GrpcSequenceSender<>(
              call,
              sequence -> TallyAck.newBuilder().setBootId(bootId).setSequence(sequence).build());
      call.disableAutoRequest();
      call.setOnCancelHandler(() -> intake.talliesClosed(sender));
      intake.talliesOpened(sender);
      call.request(TALLIES_AHEAD);
    }

    @Override
    public void onNext(WorkerTally tally) {
      bootId = tally.getBootId();
      intake.tally(sender, tally);
    }

    @Override
    public void onError(Throwable t) {
      intake.talliesClosed(sender);
    }

    @Override
    public void onCompleted() {
      intake.talliesEnded(sender);
    }
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

  private static final class GrpcSequenceSender<A> implements SequenceSender {
    private final ServerCallStreamObserver<A> call;
    private final LongFunction<A> ack;

    GrpcSequenceSender(ServerCallStreamObserver<A> call, LongFunction<A> ack) {
      this.call = call;
      this.ack = ack;
    }

    @Override
    public void acknowledge(long sequence) {
      if (!call.isCancelled()) {
        call.onNext(ack.apply(sequence));
      }
    }

    @Override
    public void request(int messages) {
      call.request(messages);
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
