package dev.understudy.comparator.intake;

import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.ComparisonSummary;
import io.grpc.stub.StreamObserver;
import java.util.function.Predicate;

/** One stream of comparisons: counted, and answered with the counts when it ends. */
public final class ComparisonStream implements StreamObserver<Comparison> {
  private final Predicate<Comparison> queue;
  private final StreamObserver<ComparisonSummary> responses;
  private long received;
  private long dropped;

  /**
   * A stream that has just been opened.
   *
   * @param queue says whether a comparison was taken
   */
  public ComparisonStream(
      Predicate<Comparison> queue, StreamObserver<ComparisonSummary> responses) {
    this.queue = queue;
    this.responses = responses;
  }

  @Override
  public void onNext(Comparison comparison) {
    received++;
    if (!queue.test(comparison)) {
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
}
