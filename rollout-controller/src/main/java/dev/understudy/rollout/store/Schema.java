package dev.understudy.rollout.store;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;

/** The tables, as a list of migrations. A migration that has been released is never edited. */
final class Schema {
  private static final List<String> MIGRATIONS =
      List.of(
          """
          CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
          INSERT INTO counters VALUES ('epoch', 0), ('revision', 0), ('audit', 0);
          CREATE TABLE texts(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
          CREATE TABLE versions(
            model TEXT NOT NULL, version TEXT NOT NULL, digest TEXT NOT NULL,
            record BLOB NOT NULL, PRIMARY KEY (model, version)) STRICT;
          CREATE TABLE aliases(
            sequence INTEGER PRIMARY KEY, model TEXT NOT NULL, alias TEXT NOT NULL,
            version TEXT NOT NULL, unix_ms INTEGER NOT NULL, rollout_id TEXT NOT NULL) STRICT;
          CREATE INDEX aliases_newest ON aliases(model, alias, sequence);
          CREATE TABLE signatures(
            model TEXT NOT NULL, version TEXT NOT NULL, record BLOB NOT NULL,
            PRIMARY KEY (model, version)) STRICT;
          CREATE TABLE rollouts(
            id TEXT PRIMARY KEY, model TEXT NOT NULL, plan BLOB NOT NULL,
            plan_digest TEXT NOT NULL, attempt INTEGER NOT NULL, champion TEXT NOT NULL,
            spec BLOB NOT NULL, phase INTEGER NOT NULL, resume INTEGER NOT NULL,
            step INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
            phase_since INTEGER NOT NULL, step_since INTEGER NOT NULL,
            samples_before INTEGER NOT NULL, flags INTEGER NOT NULL,
            decision_revision INTEGER NOT NULL, ended INTEGER NOT NULL) STRICT;
          CREATE UNIQUE INDEX one_in_flight ON rollouts(model) WHERE ended = 0;
          CREATE TABLE decisions(
            sequence INTEGER PRIMARY KEY, rollout_id TEXT NOT NULL, revision INTEGER NOT NULL,
            applied INTEGER NOT NULL, record BLOB NOT NULL) STRICT;
          CREATE INDEX decisions_of ON decisions(rollout_id, sequence);
          CREATE INDEX decisions_open ON decisions(applied) WHERE applied = 0;
          CREATE TABLE reports(rollout_id TEXT PRIMARY KEY, record BLOB NOT NULL) STRICT;
          CREATE TABLE audit(
            sequence INTEGER PRIMARY KEY, model TEXT NOT NULL, record BLOB NOT NULL) STRICT;
          CREATE TRIGGER audit_update BEFORE UPDATE ON audit
            BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
          CREATE TRIGGER audit_delete BEFORE DELETE ON audit
            BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
          """);

  private Schema() {}

  /** Brings a file to the newest schema; refuses one that a newer release has written. */
  static void migrate(Statement statement) throws SQLException {
    int version;
    try (ResultSet row = statement.executeQuery("PRAGMA user_version")) {
      version = row.getInt(1);
    }
    if (version > MIGRATIONS.size()) {
      throw new SQLException(
          "schema " + version + " (expected: at most " + MIGRATIONS.size() + ")");
    }
    for (; version < MIGRATIONS.size(); version++) {
      statement.executeUpdate(MIGRATIONS.get(version));
      statement.executeUpdate("PRAGMA user_version = " + (version + 1));
    }
  }
}
