package dev.understudy.collector.outcomes;

import com.google.protobuf.ByteString;
import dev.understudy.collector.predictions.Database;
import dev.understudy.collector.predictions.PredictionId;
import dev.understudy.collector.predictions.PredictionStore;
import dev.understudy.collector.predictions.PredictionStore.Payload;
import dev.understudy.collector.predictions.Retention;
import dev.understudy.collector.predictions.WriteThread;
import dev.understudy.proto.v1.KnownOutcome;
import dev.understudy.proto.v1.LabelledPrediction;
import dev.understudy.proto.v1.LineageRecord;
import dev.understudy.proto.v1.Role;
import java.io.IOException;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What turned out to be true, joined with what was predicted.
 *
 * <p>An outcome and the parts of its prediction arrive in any order: the outcome may come before
 * the answer's payload or long after it, and before or after the shadow's. Whoever comes last
 * joins. The one exception to "last" is the shadow's payload, of which nobody can say whether it
 * will come: an outcome waits for it until a short time after the answer's own payload has arrived.
 * The state of every outcome is in the database, so a restart changes nothing but the wait.
 *
 * <p>Once joined, an outcome has been passed on as evidence, and evidence cannot be taken back: a
 * later correction is stored, counted, and shown, but not passed on.
 *
 * <p>All methods but {@link #count} and {@link #waiting} belong to the write thread.
 */
public final class Outcomes implements WriteThread.Participant {
  private static final int WAITING = 0;
  private static final int JOINED = 1;
  private static final int PRUNE_ROWS = 2_000;
  private static final long PRUNE_MILLIS = 1_000;

  /** How many outcomes may wait for a copy at a time; one more is joined without. */
  private static final int MAX_DEFERRED = 100_000;

  private record Deferred(long dueMs, ByteString id) {}

  private final Database database;
  private final PredictionStore store;
  private final @Nullable Outbox outbox;
  private final Retention retention;
  private final long copyWaitMs;
  private final ArrayDeque<Deferred> deferred = new ArrayDeque<>();

  /** Taken from the queue in the open transaction. */
  private final ArrayDeque<Deferred> taken = new ArrayDeque<>();

  private final Map<OutcomeCount, Long> staged = new EnumMap<>(OutcomeCount.class);
  private long stagedRows;
  private long rows;
  private long prunedMs;
  private volatile Map<OutcomeCount, Long> counts = Map.of();
  private volatile long waiting;

  /**
   * The outcomes in this database.
   *
   * @param outbox null when nobody wants labelled predictions
   * @param copyWait how long after the answer's payload a shadow's is waited for
   */
  public Outcomes(
      Database database,
      PredictionStore store,
      @Nullable Outbox outbox,
      Retention retention,
      Duration copyWait)
      throws SQLException {
    this.database = database;
    this.store = store;
    this.outbox = outbox;
    this.retention = retention;
    this.copyWaitMs = copyWait.toMillis();
    recover();
  }

  /** What has become of the outcomes; for any thread. */
  public long count(OutcomeCount what) {
    return counts.getOrDefault(what, 0L);
  }

  /** How many wait for their prediction; for any thread. */
  public long waiting() {
    return waiting;
  }

  /** How an outcome was received. */
  public enum Receipt {
    /** For a prediction that is known. */
    ACCEPTED,
    /** Reported before with the same value. */
    DUPLICATE,
    /** Reported before with another value. */
    REPLACED,
    /** Kept until its prediction arrives. */
    UNKNOWN
  }

  /** Takes one outcome that has been checked. */
  public Receipt report(KnownOutcome outcome, long nowMs) throws SQLException, IOException {
    byte[] id =
        outcome.getPredictionId().isEmpty()
            ? store.findByRequest(outcome.getPrincipal(), outcome.getClientRequestId())
            : PredictionId.parse(outcome.getPredictionId());
    Receipt receipt =
        id == null
            ? keepByRequest(outcome, nowMs)
            : report(id, outcome.getValue(), outcome.getObservedUnixMs(), nowMs);
    switch (receipt) {
      case ACCEPTED -> stage(OutcomeCount.ACCEPTED, 1);
      case DUPLICATE -> stage(OutcomeCount.DUPLICATE, 1);
      case REPLACED -> stage(OutcomeCount.REPLACED, 1);
      case UNKNOWN -> stage(OutcomeCount.UNKNOWN, 1);
    }
    return receipt;
  }

  /** A call's record has been added: an outcome may wait under the client's own name for it. */
  public void lineageAdded(byte[] id, LineageRecord record, long nowMs)
      throws SQLException, IOException {
    String request = record.getClientRequestId();
    if (request.isEmpty()) {
      return;
    }
    var find =
        database.prepare(
            "SELECT value, observed_ms FROM request_outcome WHERE principal = ? AND request = ?");
    find.setString(1, record.getPrincipal());
    find.setString(2, request);
    double value;
    long observedMs;
    try (ResultSet row = find.executeQuery()) {
      if (!row.next()) {
        return;
      }
      value = row.getDouble(1);
      observedMs = row.getLong(2);
    }
    var delete =
        database.prepare("DELETE FROM request_outcome WHERE principal = ? AND request = ?");
    delete.setString(1, record.getPrincipal());
    delete.setString(2, request);
    delete.executeUpdate();
    report(id, value, observedMs, nowMs);
  }

  /** An answer has been added: its outcome may be there already. */
  public void payloadAdded(byte[] id, long nowMs) throws SQLException, IOException {
    consider(id, nowMs, false);
  }

  @Override
  public boolean tick(long nowMs) throws SQLException, IOException {
    boolean changed = outbox != null && outbox.clean();
    int steps = PRUNE_ROWS;
    while (steps-- > 0 && !deferred.isEmpty() && deferred.getFirst().dueMs <= nowMs) {
      Deferred next = deferred.removeFirst();
      taken.add(next);
      changed |= consider(next.id.toByteArray(), nowMs, true);
    }
    if (nowMs - prunedMs >= PRUNE_MILLIS || nowMs < prunedMs) {
      changed |= prune();
      prunedMs = nowMs;
    }
    return changed;
  }

  @Override
  public void committed() {
    if (!staged.isEmpty()) {
      Map<OutcomeCount, Long> sum = new EnumMap<>(OutcomeCount.class);
      sum.putAll(counts);
      staged.forEach((what, count) -> sum.merge(what, count, Long::sum));
      counts = sum;
    }
    rows += stagedRows;
    forget();
  }

  @Override
  public void rolledBack() {
    while (!taken.isEmpty()) {
      deferred.addFirst(taken.removeLast());
    }
    forget();
  }

  @Override
  public void between() throws SQLException {
    if (outbox != null) {
      outbox.send();
    }
  }

  private Receipt report(byte[] id, double value, long observedMs, long nowMs)
      throws SQLException, IOException {
    var find = database.prepare("SELECT value, state FROM outcome WHERE id = ?");
    find.setBytes(1, id);
    try (ResultSet row = find.executeQuery()) {
      if (row.next()) {
        if (row.getDouble(1) == value) {
          return Receipt.DUPLICATE;
        }
        if (row.getInt(2) == JOINED) {
          stage(OutcomeCount.REPLACED_AFTER_JOIN, 1);
        }
        replace(id, value, observedMs);
        return Receipt.REPLACED;
      }
    }
    var insert = database.prepare("INSERT INTO outcome VALUES(?, ?, ?, ?, " + WAITING + ")");
    insert.setBytes(1, id);
    insert.setDouble(2, value);
    insert.setLong(3, observedMs);
    insert.setLong(4, nowMs);
    insert.executeUpdate();
    stagedRows++;
    if (!store.knows(id)) {
      return Receipt.UNKNOWN;
    }
    consider(id, nowMs, false);
    return Receipt.ACCEPTED;
  }

  private void replace(byte[] id, double value, long observedMs) throws SQLException {
    var update = database.prepare("UPDATE outcome SET value = ?, observed_ms = ? WHERE id = ?");
    update.setDouble(1, value);
    update.setLong(2, observedMs);
    update.setBytes(3, id);
    update.executeUpdate();
  }

  private Receipt keepByRequest(KnownOutcome outcome, long nowMs) throws SQLException {
    String key = " WHERE principal = ? AND request = ?";
    var find = database.prepare("SELECT value FROM request_outcome" + key);
    find.setString(1, outcome.getPrincipal());
    find.setString(2, outcome.getClientRequestId());
    Receipt receipt = Receipt.UNKNOWN;
    try (ResultSet row = find.executeQuery()) {
      if (row.next()) {
        receipt = row.getDouble(1) == outcome.getValue() ? Receipt.DUPLICATE : Receipt.REPLACED;
      }
    }
    if (receipt != Receipt.DUPLICATE) {
      var keep = database.prepare("INSERT OR REPLACE INTO request_outcome VALUES(?, ?, ?, ?, ?)");
      keep.setString(1, outcome.getPrincipal());
      keep.setString(2, outcome.getClientRequestId());
      keep.setDouble(3, outcome.getValue());
      keep.setLong(4, outcome.getObservedUnixMs());
      keep.setLong(5, nowMs);
      keep.executeUpdate();
    }
    return receipt;
  }

  /** Joins an outcome that waits, if all is there; says whether anything was changed. */
  private boolean consider(byte[] id, long nowMs, boolean due) throws SQLException, IOException {
    var find = database.prepare("SELECT value, arrived_ms FROM outcome WHERE id = ? AND state = 0");
    find.setBytes(1, id);
    double value;
    long arrivedMs;
    try (ResultSet row = find.executeQuery()) {
      if (!row.next()) {
        return false;
      }
      value = row.getDouble(1);
      arrivedMs = row.getLong(2);
    }
    List<Payload> payloads = store.find(id).payloads();
    Payload answer = Join.answer(payloads);
    if (answer == null) {
      return false;
    }
    long dueMs = answer.arrivedMs() + copyWaitMs;
    if (!due && !Join.hasShadow(payloads) && dueMs > nowMs && deferred.size() < MAX_DEFERRED) {
      deferred.add(new Deferred(dueMs, ByteString.copyFrom(id)));
      return false;
    }
    LabelledPrediction label = Join.label(answer.record(), payloads, value, arrivedMs);
    boolean unsent =
        label != null && outbox != null && !label.getRolloutId().isEmpty() && !outbox.add(label);
    boolean paired =
        label != null && label.getCopiesList().stream().anyMatch(c -> c.getRole() == Role.SHADOW);
    stage(OutcomeCount.JOINED, 1);
    stage(OutcomeCount.PAIRED, paired ? 1 : 0);
    stage(OutcomeCount.UNUSABLE, label == null ? 1 : 0);
    stage(OutcomeCount.UNSENT, unsent ? 1 : 0);
    var update = database.prepare("UPDATE outcome SET state = " + JOINED + " WHERE id = ?");
    update.setBytes(1, id);
    update.executeUpdate();
    return true;
  }

  private boolean prune() throws SQLException {
    long byId = number("SELECT count(*) FROM outcome WHERE state = 0");
    long byRequest = number("SELECT count(*) FROM request_outcome");
    waiting = byId + byRequest;
    long gone = 0;
    if (byId > retention.maxWaiting()) {
      gone =
          delete(
              "DELETE FROM outcome WHERE id IN"
                  + " (SELECT id FROM outcome WHERE state = 0 ORDER BY arrived_ms LIMIT ?)",
              byId - retention.maxWaiting());
      stagedRows -= gone;
    }
    if (byRequest > retention.maxWaiting()) {
      gone +=
          delete(
              "DELETE FROM request_outcome WHERE (principal, request) IN (SELECT principal, request"
                  + " FROM request_outcome ORDER BY arrived_ms LIMIT ?)",
              byRequest - retention.maxWaiting());
    }
    stage(OutcomeCount.EVICTED, gone);
    long old = 0;
    if (rows > retention.maxOutcomes()) {
      old =
          delete(
              "DELETE FROM outcome WHERE id IN"
                  + " (SELECT id FROM outcome WHERE state = 1 ORDER BY id LIMIT ?)",
              rows - retention.maxOutcomes());
      stagedRows -= old;
    }
    return gone + old > 0;
  }

  private long number(String sql) throws SQLException {
    try (ResultSet row = database.prepare(sql).executeQuery()) {
      return row.getLong(1);
    }
  }

  private long delete(String sql, long limit) throws SQLException {
    PreparedStatement statement = database.prepare(sql);
    statement.setLong(1, Math.min(PRUNE_ROWS, limit));
    return statement.executeUpdate();
  }

  /** Takes up the outcomes that waited for a copy when the last process ended. */
  private void recover() throws SQLException {
    rows = number("SELECT count(*) FROM outcome");
    List<byte[]> ids = new ArrayList<>();
    var find =
        database.prepare(
            "SELECT id FROM outcome WHERE state = 0 AND EXISTS (SELECT 1 FROM prediction WHERE"
                + " prediction.id = outcome.id AND kind = 1) ORDER BY arrived_ms LIMIT "
                + MAX_DEFERRED);
    try (ResultSet row = find.executeQuery()) {
      while (row.next()) {
        ids.add(row.getBytes(1));
      }
    }
    ids.forEach(id -> deferred.add(new Deferred(0, ByteString.copyFrom(id))));
  }

  private void forget() {
    staged.clear();
    stagedRows = 0;
    taken.clear();
  }

  private void stage(OutcomeCount what, long count) {
    staged.merge(what, count, Long::sum);
  }
}
