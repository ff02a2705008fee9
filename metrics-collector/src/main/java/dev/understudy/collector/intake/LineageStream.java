package dev.understudy.collector.intake;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.collector.latency.Traffic;
import dev.understudy.collector.outcomes.Outcomes;
import dev.understudy.collector.predictions.Database;
import dev.understudy.collector.predictions.PredictionId;
import dev.understudy.collector.predictions.PredictionStore;
import dev.understudy.collector.predictions.WriteThread;
import dev.understudy.proto.v1.LineageAck;
import dev.understudy.proto.v1.LineageBatch;
import dev.understudy.proto.v1.LineageRecord;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * One router's stream of call records. A batch is acknowledged after it has been stored, together
 * with its number, so that one that is sent again is recognised also after a restart. When a batch
 * cannot be stored the stream ends and what follows on it is ignored: the router sends again from
 * the first that was not acknowledged, and nothing is passed over.
 *
 * <p>Answers are given by the write thread alone.
 */
final class LineageStream implements StreamObserver<LineageBatch> {
  /** What the stream works with. */
  record Parts(
      WriteThread writer,
      Database database,
      PredictionStore store,
      Outcomes outcomes,
      Traffic traffic,
      IntakeCounts counts,
      TimeSource time) {}

  private static final Logger log = Logger.getLogger(LineageStream.class.getName());
  private static final int MAX_NAME = 256;
  private static final long FORGET_SENDER_MILLIS = 30L * 24 * 3_600_000;

  private final Parts parts;
  private final StreamObserver<LineageAck> acks;

  /** The write thread's. */
  private boolean broken;

  LineageStream(Parts parts, StreamObserver<LineageAck> acks) {
    this.parts = parts;
    this.acks = acks;
  }

  @Override
  public void onNext(LineageBatch batch) {
    if (batch.getBootId().isEmpty()
        || batch.getBootId().length() > MAX_NAME
        || batch.getRouter().length() > MAX_NAME
        || batch.getSequence() < 1) {
      throw Fault.of(
          Status.Code.INVALID_ARGUMENT,
          "BAD_BATCH",
          "batch "
              + batch.getSequence()
              + " of router '"
              + batch.getRouter()
              + "' (expected: a router, a boot id, and a sequence from 1 on)");
    }
    put(new Batch(batch), batch.getSerializedSize());
  }

  @Override
  public void onError(Throwable gone) {
    log.log(Level.FINE, "A router's stream ended", gone);
  }

  @Override
  public void onCompleted() {
    put(
        new WriteThread.Work() {
          @Override
          public void apply() {}

          @Override
          public void committed() {
            if (!broken) {
              acks.onCompleted();
            }
          }
        },
        0);
  }

  private void put(WriteThread.Work work, int bytes) {
    try {
      if (!parts.writer.put(work, bytes)) {
        throw Fault.of(Status.Code.UNAVAILABLE, "STOPPING", "the collector is stopping");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Fault.of(Status.Code.UNAVAILABLE, "STOPPING", "the collector is stopping").cause(e);
    }
  }

  private final class Batch implements WriteThread.Work {
    private final LineageBatch batch;
    private final List<LineageRecord> stored = new ArrayList<>();
    private long missing;
    private boolean duplicate;

    Batch(LineageBatch batch) {
      this.batch = batch;
    }

    @Override
    public void apply() throws SQLException, IOException {
      stored.clear();
      duplicate = false;
      missing = 0;
      if (broken) {
        return;
      }
      long known = known();
      if (batch.getSequence() <= known) {
        duplicate = true;
        return;
      }
      missing = known == 0 ? 0 : batch.getSequence() - known - 1;
      long nowMs = parts.time.wallMillis();
      for (LineageRecord record : batch.getRecordsList()) {
        byte[] id = PredictionId.parse(record.getPredictionId());
        if (id != null) {
          parts.store.addLineage(id, record, nowMs);
          parts.outcomes.lineageAdded(id, record, nowMs);
          stored.add(record);
        }
      }
      remember(known == 0, nowMs);
    }

    @Override
    public void committed() {
      if (broken) {
        return;
      }
      var counts = parts.counts;
      if (duplicate) {
        counts.add(IntakeCount.LINEAGE_DUPLICATE_BATCHES, 1);
      } else {
        counts.add(IntakeCount.LINEAGE_STORED, stored.size());
        counts.add(IntakeCount.MALFORMED, batch.getRecordsCount() - stored.size());
        counts.add(IntakeCount.LINEAGE_LOST_BY_ROUTERS, batch.getDropped());
        counts.add(IntakeCount.LINEAGE_BATCHES_MISSING, missing);
        parts.traffic.add(stored);
        if (!stored.isEmpty()) {
          counts.stored(stored.getLast().getUnixMs(), parts.time.wallMillis());
        }
      }
      acks.onNext(
          LineageAck.newBuilder()
              .setBootId(batch.getBootId())
              .setSequence(batch.getSequence())
              .build());
    }

    @Override
    public void failed(Exception cause) {
      if (!broken) {
        broken = true;
        Fault.fail(acks, NotStored.because(cause));
      }
    }

    private long known() throws SQLException {
      var find =
          parts.database.prepare("SELECT sequence FROM sender WHERE router = ? AND boot = ?");
      find.setString(1, batch.getRouter());
      find.setString(2, batch.getBootId());
      try (ResultSet row = find.executeQuery()) {
        return row.next() ? row.getLong(1) : 0;
      }
    }

    private void remember(boolean first, long nowMs) throws SQLException {
      var remember =
          parts.database.prepare(
              "INSERT INTO sender VALUES(?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                  + " sequence = excluded.sequence, seen_ms = excluded.seen_ms");
      remember.setString(1, batch.getRouter());
      remember.setString(2, batch.getBootId());
      remember.setLong(3, batch.getSequence());
      remember.setLong(4, nowMs);
      remember.executeUpdate();
      if (first) {
        var forget = parts.database.prepare("DELETE FROM sender WHERE seen_ms < ?");
        forget.setLong(1, nowMs - FORGET_SENDER_MILLIS);
        forget.executeUpdate();
      }
    }
  }
}
