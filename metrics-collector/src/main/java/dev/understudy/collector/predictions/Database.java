package dev.understudy.collector.predictions;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.Map;

/**
 * A connection to the collector's SQLite file with its statements prepared once. Commits survive
 * the end of the process; those of the last moments may be undone when the machine itself fails
 * (WAL with synchronous=NORMAL), which leaves the file whole.
 *
 * <p>For one thread at a time.
 */
public final class Database implements AutoCloseable {
  private static final int VERSION = 1;
  private static final String[] SCHEMA = {
    "CREATE TABLE segment(number INTEGER PRIMARY KEY, bytes INTEGER NOT NULL,"
        + " records INTEGER NOT NULL, last_ms INTEGER NOT NULL, min_id BLOB, max_id BLOB,"
        + " dropped INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE prediction(id BLOB NOT NULL, kind INTEGER NOT NULL, segment INTEGER NOT NULL,"
        + " position INTEGER NOT NULL, arrived_ms INTEGER NOT NULL,"
        + " PRIMARY KEY(id, kind, segment, position)) WITHOUT ROWID",
    "CREATE TABLE client_request(principal TEXT NOT NULL, request TEXT NOT NULL, id BLOB NOT NULL,"
        + " PRIMARY KEY(principal, request)) WITHOUT ROWID",
    "CREATE INDEX client_request_id ON client_request(id)",
    "CREATE TABLE sender(router TEXT NOT NULL, boot TEXT NOT NULL, sequence INTEGER NOT NULL,"
        + " seen_ms INTEGER NOT NULL, PRIMARY KEY(router, boot)) WITHOUT ROWID",
    "CREATE TABLE outcome(id BLOB NOT NULL PRIMARY KEY, value REAL NOT NULL,"
        + " observed_ms INTEGER NOT NULL, arrived_ms INTEGER NOT NULL, state INTEGER NOT NULL)"
        + " WITHOUT ROWID",
    "CREATE INDEX outcome_waiting ON outcome(arrived_ms) WHERE state = 0",
    "CREATE TABLE request_outcome(principal TEXT NOT NULL, request TEXT NOT NULL,"
        + " value REAL NOT NULL, observed_ms INTEGER NOT NULL, arrived_ms INTEGER NOT NULL,"
        + " PRIMARY KEY(principal, request)) WITHOUT ROWID",
    "CREATE INDEX request_outcome_arrived ON request_outcome(arrived_ms)",
    "CREATE TABLE outbox(sequence INTEGER PRIMARY KEY AUTOINCREMENT, record BLOB NOT NULL)",
    "CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
  };

  private final Connection connection;
  private final Map<String, PreparedStatement> prepared = new HashMap<>();
  private boolean transactional;
  private boolean begun;

  private Database(Connection connection) {
    this.connection = connection;
  }

  /** Opens the file for reading and writing; makes the tables if it is new. */
  public static Database open(Path file) throws SQLException {
    Database database = new Database(DriverManager.getConnection("jdbc:sqlite:" + file));
    try {
      database.run("PRAGMA journal_mode=WAL");
      database.run("PRAGMA synchronous=NORMAL");
      database.run("PRAGMA busy_timeout=5000");
      database.run("PRAGMA cache_size=-16384");
      database.migrate();
      database.transactional = true;
      return database;
    } catch (SQLException e) {
      database.close();
      throw new SQLException(
          file
              + " cannot be used: "
              + e.getMessage()
              + " (move it away to start anew: predictions are indexed again from their segments,"
              + " outcomes have to be reported again)",
          e);
    }
  }

  /** Opens the file, which must be there, for reading. */
  public static Database openReader(Path file) throws SQLException {
    Database database = new Database(DriverManager.getConnection("jdbc:sqlite:" + file));
    database.run("PRAGMA busy_timeout=5000");
    database.run("PRAGMA query_only=ON");
    return database;
  }

  /**
   * The statement for this text, prepared when it is first asked for. On a connection that writes
   * it belongs to a transaction, which begins now if none is open.
   */
  public PreparedStatement prepare(String sql) throws SQLException {
    if (transactional && !begun) {
      run("BEGIN");
      begun = true;
    }
    PreparedStatement statement = prepared.get(sql);
    if (statement == null) {
      statement = connection.prepareStatement(sql);
      prepared.put(sql, statement);
    }
    return statement;
  }

  /** Runs a statement that has no parameters. */
  public void run(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  void commit() throws SQLException {
    if (begun) {
      run("COMMIT");
      begun = false;
    }
  }

  void rollback() throws SQLException {
    if (begun) {
      begun = false;
      try {
        run("ROLLBACK");
      } catch (SQLException e) {
        // SQLite has undone it by itself when the disk was full.
        if (!String.valueOf(e.getMessage()).contains("no transaction is active")) {
          throw e;
        }
      }
    }
  }

  /** Rolls back after a failure, which may have left statements that cannot be used again. */
  void recover() throws SQLException {
    rollback();
    for (PreparedStatement statement : prepared.values()) {
      statement.close();
    }
    prepared.clear();
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }

  private void migrate() throws SQLException {
    int version;
    try (Statement statement = connection.createStatement();
        var row = statement.executeQuery("PRAGMA user_version")) {
      version = row.getInt(1);
    }
    if (version > VERSION) {
      throw new SQLException(
          "its layout is " + version + ", of a later release (expected: at most " + VERSION + ")");
    }
    if (version == 0) {
      run("BEGIN");
      for (String table : SCHEMA) {
        run(table);
      }
      run("PRAGMA user_version=" + VERSION);
      run("COMMIT");
    }
  }
}
