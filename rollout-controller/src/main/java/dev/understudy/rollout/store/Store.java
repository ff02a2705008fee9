package dev.understudy.rollout.store;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.understudy.proto.v1.AuditRecord;
import dev.understudy.proto.v1.CatalogVersion;
import dev.understudy.proto.v1.DecisionRecord;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.ModelSignature;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.proto.v1.VerifyAuditResponse;
import dev.understudy.rollout.audit.AuditChain;
import dev.understudy.rollout.policy.RolloutState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.sqlite.SQLiteConfig;

/**
 * Everything that the controller must not forget, in one SQLite file (write-ahead log, each
 * transaction synchronised to the disk before it counts).
 *
 * <p>A change is one transaction: the new state, the decision, the audit record and the new routing
 * revision are kept together or not at all. Effects (tables sent, models loaded) follow from what
 * is kept, and are repeated after a restart; so they must be idempotent.
 *
 * <p>Opening the file begins a new epoch. A controller of an older epoch cannot write any more:
 * each of its transactions ends in a {@link FencedException}.
 *
 * <p>Safe for use by any thread; calls are serialised and wait for the disk.
 */
public final class Store implements AutoCloseable {
  private static final String NEWEST_FIRST = "ORDER BY ended = 0 DESC, ended DESC, id DESC LIMIT ";

  private final Connection connection;
  private final long epoch;
  private final String secret;

  private Store(Connection connection, Beginning beginning) {
    this.connection = connection;
    this.epoch = beginning.epoch();
    this.secret = beginning.secret();
  }

  private record Beginning(long epoch, String secret) {}

  /**
   * Opens or creates the file {@code controller.db} in a directory and begins a new epoch.
   *
   * @throws StoreException if the directory cannot be used or the file is damaged or too new
   */
  public static Store open(Path directory) {
    Path file = directory.resolve("controller.db");
    var config = new SQLiteConfig();
    config.setJournalMode(SQLiteConfig.JournalMode.WAL);
    config.setSynchronous(SQLiteConfig.SynchronousMode.FULL);
    config.setBusyTimeout(5_000);
    try {
      Files.createDirectories(directory);
      Connection connection = config.createConnection("jdbc:sqlite:" + file);
      try {
        return new Store(connection, begin(connection));
      } catch (SQLException | RuntimeException e) {
        connection.close();
        throw e;
      }
    } catch (SQLException | IOException e) {
      throw new StoreException(file + ": cannot be opened: " + e.getMessage(), e);
    }
  }

  private static Beginning begin(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.executeUpdate("BEGIN IMMEDIATE");
      Schema.migrate(statement);
      statement.executeUpdate("UPDATE counters SET value = value + 1 WHERE name = 'epoch'");
      long epoch;
      try (ResultSet row =
          statement.executeQuery("SELECT value FROM counters WHERE name = 'epoch'")) {
        epoch = row.getLong(1);
      }
      statement.executeUpdate(
          "INSERT OR IGNORE INTO texts VALUES ('secret', lower(hex(randomblob(32))))");
      String secret;
      try (ResultSet row =
          statement.executeQuery("SELECT value FROM texts WHERE name = 'secret'")) {
        secret = row.getString(1);
      }
      statement.executeUpdate("COMMIT");
      return new Beginning(epoch, secret);
    }
  }

  /** Made at random with the file and never told to anybody: from it come the salts of rollouts. */
  public String secret() {
    return secret;
  }

  /** This controller's epoch; each start has a higher one. */
  public long epoch() {
    return epoch;
  }

  /**
   * Makes a change: all of it is kept, or nothing.
   *
   * @throws FencedException if a newer controller has taken over
   */
  public synchronized void change(Consumer<Change> work) {
    execute("BEGIN IMMEDIATE");
    try {
      long newest = counter("epoch");
      if (newest != epoch) {
        throw new FencedException(epoch, newest);
      }
      work.accept(new Change(this));
      execute("COMMIT");
    } catch (RuntimeException e) {
      try {
        execute("ROLLBACK");
      } catch (StoreException also) {
        e.addSuppressed(also);
      }
      throw e;
    }
  }

  /** Revision of the routing table that was decided last. */
  public synchronized long revision() {
    return counter("revision");
  }

  /** Every rollout that is in flight, oldest first. */
  public List<StoredRollout> inFlight() {
    return rollouts("WHERE ended = 0 ORDER BY id");
  }

  /**
   * The rollouts in flight first, then those that ended last; of one model, or of all if it is
   * empty. The next attempt of an old rollout keeps its id, so ids do not tell what is newest.
   */
  public List<StoredRollout> list(String model, int limit) {
    return model.isEmpty()
        ? rollouts(NEWEST_FIRST + limit)
        : rollouts("WHERE model = ? " + NEWEST_FIRST + limit, model);
  }

  /** The rollout of a model that is in flight, else the one that ended last. */
  public Optional<StoredRollout> latest(String model) {
    return list(model, 1).stream().findFirst();
  }

  /** One rollout. */
  public Optional<StoredRollout> rollout(String id) {
    return rollouts("WHERE id = ?", id).stream().findFirst();
  }

  /** What was decided about a rollout, oldest first; the last {@code limit} decisions. */
  public List<DecisionRecord> decisions(String rolloutId, int limit) {
    return query(
            "SELECT record, applied FROM decisions WHERE rollout_id = ? ORDER BY sequence DESC"
                + " LIMIT "
                + limit,
            row ->
                DecisionRecord.parseFrom(row.getBytes(1)).toBuilder()
                    .setAppliedUnixMs(row.getLong(2))
                    .build(),
            rolloutId)
        .reversed();
  }

  /** The evidence of the last decision about a rollout; null if it rested on none. */
  public @Nullable EvidenceReport report(String rolloutId) {
    return query(
            "SELECT record FROM reports WHERE rollout_id = ?",
            row -> EvidenceReport.parseFrom(row.getBytes(1)),
            rolloutId)
        .stream()
        .findFirst()
        .orElse(null);
  }

  /** Whether decisions up to a revision wait to be in force at every router. */
  public boolean hasUnapplied(long revision) {
    return !query(
            "SELECT 1 FROM decisions WHERE applied = 0 AND revision <= ? LIMIT 1",
            row -> row.getInt(1),
            revision)
        .isEmpty();
  }

  /** Who holds the aliases of a model now: champion, challenger, previous. */
  public Map<String, String> aliases(String model) {
    Map<String, String> newest = new LinkedHashMap<>();
    query(
            "SELECT alias, version FROM aliases WHERE model = ? ORDER BY sequence",
            row -> Map.entry(row.getString(1), row.getString(2)),
            model)
        .forEach(entry -> newest.put(entry.getKey(), entry.getValue()));
    newest.values().removeIf(String::isEmpty);
    return newest;
  }

  /** The registered versions of a model, without aliases. */
  public List<CatalogVersion> versions(String model) {
    return query(
        "SELECT record FROM versions WHERE model = ? ORDER BY CAST(version AS INTEGER)",
        row -> CatalogVersion.parseFrom(row.getBytes(1)),
        model);
  }

  /** The digest of a registered version; empty if it has none. */
  public String digest(String model, String version) {
    return query(
            "SELECT digest FROM versions WHERE model = ? AND version = ?",
            row -> row.getString(1),
            model,
            version)
        .stream()
        .findFirst()
        .orElse("");
  }

  /** What a version takes and gives, as a server once said. */
  public @Nullable ModelSignature signature(String model, String version) {
    return query(
            "SELECT record FROM signatures WHERE model = ? AND version = ?",
            row -> ModelSignature.parseFrom(row.getBytes(1)),
            model,
            version)
        .stream()
        .findFirst()
        .orElse(null);
  }

  /** A part of the audit log after a sequence; of one model, or of all if it is empty. */
  public List<AuditRecord> audit(String model, long after, int limit) {
    return query(
        "SELECT record FROM audit WHERE sequence > ? AND (? = '' OR model = ?)"
            + " ORDER BY sequence LIMIT "
            + limit,
        row -> AuditRecord.parseFrom(row.getBytes(1)),
        after,
        model,
        model);
  }

  /** Checks the whole audit log and finds the first record that is not what was written. */
  public synchronized VerifyAuditResponse verifyAudit() {
    var chain = new AuditChain();
    try (PreparedStatement select =
            connection.prepareStatement("SELECT sequence, record FROM audit ORDER BY sequence");
        ResultSet row = select.executeQuery()) {
      while (row.next()) {
        chain.verify(readAudit(row.getLong(1), row.getBytes(2)));
      }
      return chain.result(counter("audit"), text("audit-head", AuditChain.GENESIS));
    } catch (SQLException e) {
      throw new StoreException("the audit log cannot be read: " + e.getMessage(), e);
    }
  }

  @Override
  public synchronized void close() {
    try {
      connection.close();
    } catch (SQLException e) {
      throw new StoreException("the state could not be closed: " + e.getMessage(), e);
    }
  }

  // For Change, which runs inside a transaction and under this object's lock.

  int update(String sql, Object... arguments) {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      bind(statement, arguments);
      return statement.executeUpdate();
    } catch (SQLException e) {
      throw new StoreException("a change could not be kept: " + e.getMessage(), e);
    }
  }

  long counter(String name) {
    return query("SELECT value FROM counters WHERE name = ?", row -> row.getLong(1), name)
        .getFirst();
  }

  String text(String name, String fallback) {
    return query("SELECT value FROM texts WHERE name = ?", row -> row.getString(1), name).stream()
        .findFirst()
        .orElse(fallback);
  }

  private interface Reader<T> {
    T read(ResultSet row) throws SQLException, InvalidProtocolBufferException;
  }

  private synchronized <T> List<T> query(String sql, Reader<T> reader, Object... arguments) {
    List<T> rows = new ArrayList<>();
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      bind(statement, arguments);
      try (ResultSet row = statement.executeQuery()) {
        while (row.next()) {
          rows.add(reader.read(row));
        }
      }
      return rows;
    } catch (SQLException | InvalidProtocolBufferException e) {
      throw new StoreException("the state cannot be read: " + e.getMessage(), e);
    }
  }

  private List<StoredRollout> rollouts(String where, Object... arguments) {
    return query("SELECT * FROM rollouts " + where, Store::readRollout, arguments);
  }

  private static StoredRollout readRollout(ResultSet row)
      throws SQLException, InvalidProtocolBufferException {
    int flags = row.getInt("flags");
    var state =
        new RolloutState(
            Phase.forNumber(row.getInt("phase")),
            Phase.forNumber(row.getInt("resume")),
            row.getInt("step"),
            row.getString("reason"),
            row.getString("detail"),
            row.getLong("phase_since"),
            row.getLong("step_since"),
            row.getLong("samples_before"),
            (flags & 1) != 0,
            (flags & 2) != 0,
            (flags & 4) != 0,
            (flags & 8) != 0);
    return new StoredRollout(
        row.getString("id"),
        RolloutPlan.parseFrom(row.getBytes("plan")),
        row.getString("plan_digest"),
        row.getInt("attempt"),
        row.getString("champion"),
        EvaluationSpec.parseFrom(row.getBytes("spec")),
        state,
        row.getLong("decision_revision"),
        row.getLong("ended"));
  }

  private static AuditRecord readAudit(long sequence, byte[] bytes) {
    try {
      return AuditRecord.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      return AuditRecord.newBuilder().setSequence(sequence).setHash("unreadable").build();
    }
  }

  private static void bind(PreparedStatement statement, Object... arguments) throws SQLException {
    for (int i = 0; i < arguments.length; i++) {
      statement.setObject(i + 1, arguments[i]);
    }
  }

  private void execute(String sql) {
    try (Statement statement = connection.createStatement()) {
      statement.executeUpdate(sql);
    } catch (SQLException e) {
      throw new StoreException("a change could not be kept: " + e.getMessage(), e);
    }
  }
}
