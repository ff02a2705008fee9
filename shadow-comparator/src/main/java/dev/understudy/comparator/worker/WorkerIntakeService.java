package dev.understudy.comparator.worker;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.error.Fault;
import dev.understudy.comparator.intake.ComparisonStream;
import dev.understudy.comparator.pairs.PairWorker;
import dev.understudy.proto.v1.BlockAck;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.ComparisonSummary;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.EvidenceIntakeGrpc;
import dev.understudy.proto.v1.LabelAck;
import dev.understudy.proto.v1.LabelledPrediction;
import dev.understudy.proto.v1.TallyAck;
import dev.understudy.proto.v1.WorkerTally;
import io.grpc.stub.StreamObserver;

/** Takes comparisons only; whoever brings anything else is told where the judge is. */
final class WorkerIntakeService extends EvidenceIntakeGrpc.EvidenceIntakeImplBase {
  private final PairWorker pairs;
  private final HostPort judge;

  WorkerIntakeService(PairWorker pairs, HostPort judge) {
    this.pairs = pairs;
    this.judge = judge;
  }

  @Override
  public StreamObserver<Comparison> sendComparisons(StreamObserver<ComparisonSummary> responses) {
    return new ComparisonStream(pairs::offer, responses);
  }

  @Override
  public StreamObserver<EvidenceBlock> sendBlocks(StreamObserver<BlockAck> responses) {
    return refuse("evidence blocks", responses);
  }

  @Override
  public StreamObserver<LabelledPrediction> sendLabels(StreamObserver<LabelAck> responses) {
    return refuse("outcomes", responses);
  }

  @Override
  public StreamObserver<WorkerTally> sendTallies(StreamObserver<TallyAck> responses) {
    return refuse("tallies", responses);
  }

  private <Q, A> StreamObserver<Q> refuse(String what, StreamObserver<A> responses) {
    Fault.fail(responses, WorkerQueryService.notTheJudge(what + " go to the judge", judge));
    return new StreamObserver<>() {
      @Override
      public void onNext(Q value) {}

      @Override
      public void onError(Throwable t) {}

      @Override
      public void onCompleted() {}
    };
  }
}
