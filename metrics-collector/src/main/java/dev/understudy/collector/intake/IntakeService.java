package dev.understudy.collector.intake;

import dev.understudy.chassis.time.TimeSource;
import dev.understudy.collector.latency.Latencies;
import dev.understudy.collector.latency.Traffic;
import dev.understudy.collector.outcomes.Outcomes;
import dev.understudy.collector.predictions.Database;
import dev.understudy.collector.predictions.PredictionId;
import dev.understudy.collector.predictions.PredictionStore;
import dev.understudy.collector.predictions.WriteThread;
import dev.understudy.proto.v1.CollectorIntakeGrpc;
import dev.understudy.proto.v1.HistogramSummary;
import dev.understudy.proto.v1.LineageAck;
import dev.understudy.proto.v1.LineageBatch;
import dev.understudy.proto.v1.PayloadRecord;
import dev.understudy.proto.v1.PayloadSummary;
import dev.understudy.proto.v1.StageHistograms;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.sql.SQLException;

/** Takes what routers and model servers send. Payloads may be dropped; records of calls are not. */
public final class IntakeService extends CollectorIntakeGrpc.CollectorIntakeImplBase {
  private final LineageStream.Parts parts;
  private final Latencies latencies;

  /** The service over these parts. */
  public IntakeService(
      WriteThread writer,
      Database database,
      PredictionStore store,
      Outcomes outcomes,
      Traffic traffic,
      Latencies latencies,
      IntakeCounts counts,
      TimeSource time) {
    this.parts = new LineageStream.Parts(writer, database, store, outcomes, traffic, counts, time);
    this.latencies = latencies;
  }

  @Override
  public StreamObserver<LineageBatch> sendLineage(StreamObserver<LineageAck> acks) {
    // Without a handler an answer to a call that is gone would throw on the write thread.
    ((ServerCallStreamObserver<LineageAck>) acks).setOnCancelHandler(() -> {});
    return new LineageStream(parts, acks);
  }

  @Override
  public StreamObserver<PayloadRecord> sendPayloads(StreamObserver<PayloadSummary> summary) {
    return new Counting<>(summary) {
      @Override
      void take(PayloadRecord record) {
        byte[] id = PredictionId.parse(record.getPredictionId());
        if (id == null) {
          parts.counts().add(IntakeCount.MALFORMED, 1);
        } else if (!parts.writer().offer(new Payload(id, record), record.getSerializedSize())) {
          parts.counts().add(IntakeCount.PAYLOADS_DROPPED, 1);
        }
      }

      @Override
      PayloadSummary summary(long received) {
        return PayloadSummary.newBuilder().setReceived(received).build();
      }
    };
  }

  @Override
  public StreamObserver<StageHistograms> sendHistograms(StreamObserver<HistogramSummary> summary) {
    return new Counting<>(summary) {
      @Override
      void take(StageHistograms message) {
        latencies.add(message);
        parts.counts().add(IntakeCount.HISTOGRAM_MESSAGES, 1);
      }

      @Override
      HistogramSummary summary(long received) {
        return HistogramSummary.newBuilder().setReceived(received).build();
      }
    };
  }

  private final class Payload implements WriteThread.Work {
    private final byte[] id;
    private final PayloadRecord record;

    Payload(byte[] id, PayloadRecord record) {
      this.id = id;
      this.record = record;
    }

    @Override
    public void apply() throws SQLException, IOException {
      long nowMs = parts.time().wallMillis();
      parts.store().addPayload(id, record, nowMs);
      parts.outcomes().payloadAdded(id, nowMs);
    }

    @Override
    public void committed() {
      parts.counts().add(IntakeCount.PAYLOADS_STORED, 1);
    }

    @Override
    public void failed(Exception cause) {
      parts.counts().add(IntakeCount.PAYLOADS_DROPPED, 1);
    }
  }

  /** A stream that is answered once, at its end. */
  private abstract static class Counting<M, S> implements StreamObserver<M> {
    private final StreamObserver<S> answer;
    private long received;

    Counting(StreamObserver<S> answer) {
      this.answer = answer;
    }

    abstract void take(M message);

    abstract S summary(long received);

    @Override
    public void onNext(M message) {
      received++;
      take(message);
    }

    @Override
    public void onError(Throwable gone) {}

    @Override
    public void onCompleted() {
      answer.onNext(summary(received));
      answer.onCompleted();
    }
  }
}
