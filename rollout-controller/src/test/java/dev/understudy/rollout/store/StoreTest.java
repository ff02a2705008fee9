package dev.understudy.rollout.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.AuditRecord;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.proto.v1.Step;
import dev.understudy.proto.v1.VerifyAuditResponse;
import dev.understudy.rollout.policy.RolloutState;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreTest {
  private static final RolloutPlan PLAN =
      RolloutPlan.newBuilder()
          .setModel("m")
          .setChallengerVersion("2")
          .addSteps(Step.newBuilder().setSetWeightBp(500))
          .build();

  @TempDir Path directory;

  private static StoredRollout rollout(String id) {
    return new StoredRollout(
        id,
        PLAN,
        "digest",
        1,
        "1",
        EvaluationSpec.newBuilder().setRolloutId(id).build(),
        RolloutState.pending(5),
        0,
        0);
  }

  private void tamper(String sql, Object... arguments) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection("jdbc:sqlite:" + directory.resolve("controller.db"));
        PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < arguments.length; i++) {
        statement.setObject(i + 1, arguments[i]);
      }
      statement.executeUpdate();
    }
  }

  private void writeAudit(int records) {
    try (Store store = Store.open(directory)) {
      for (int i = 1; i <= records; i++) {
        String detail = "detail " + i;
        store.change(tx -> tx.audit(1_000, "ada", "rollout.step", "m", "r", detail));
      }
    }
  }

  private VerifyAuditResponse verify() {
    try (Store store = Store.open(directory)) {
      return store.verifyAudit();
    }
  }

  @Test
  void whatWasKeptIsReadBackByTheNextController() {
    StoredRollout kept =
        rollout("r1")
            .with(
                new RolloutState(
                    Phase.PAUSED,
                    Phase.PROGRESSING,
                    3,
                    "why",
                    "a sentence",
                    7,
                    8,
                    9,
                    true,
                    false,
                    true,
                    true),
                17,
                0);
    try (Store store = Store.open(directory)) {
      store.change(tx -> {
        tx.insert(rollout("r1"));
        tx.save(kept);
        tx.alias("m", "champion", "2", "r1", 1);
        tx.nextRevision(0);
      });
    }
    try (Store store = Store.open(directory)) {
      assertEquals(kept, store.latest("m").orElseThrow());
      assertEquals(1, store.inFlight().size());
      assertEquals("2", store.aliases("m").get("champion"));
      assertEquals(1, store.revision());
    }
  }

  @Test
  void changeThatFailsLeavesNoTrace() {
    try (Store store = Store.open(directory)) {
      assertThrows(
          IllegalStateException.class,
          () ->
              store.change(tx -> {
                tx.insert(rollout("r1"));
                tx.audit(1, "a", "b", "m", "r1", "");
                throw new IllegalStateException("killed here");
              }));
      assertTrue(store.latest("m").isEmpty());
      assertEquals(0, store.verifyAudit().getRecords());
      store.change(tx -> tx.insert(rollout("r1")));
    }
  }

  @Test
  void oneModelHasOneRolloutInFlight() {
    try (Store store = Store.open(directory)) {
      store.change(tx -> tx.insert(rollout("r1")));
      assertThrows(StoreException.class, () -> store.change(tx -> tx.insert(rollout("r2"))));
    }
  }

  @Test
  void olderControllerCannotWriteAnyMore() {
    try (Store older = Store.open(directory);
        Store newer = Store.open(directory)) {
      assertEquals(older.epoch() + 1, newer.epoch());
      FencedException fenced =
          assertThrows(FencedException.class, () -> older.change(tx -> tx.insert(rollout("r1"))));
      assertTrue(String.valueOf(fenced.getMessage()).contains("epoch: 1"), fenced.getMessage());
      newer.change(tx -> tx.insert(rollout("r1")));
      assertEquals(1, older.inFlight().size(), "reading is still allowed");
    }
  }

  @Test
  void intactAuditLogVerifies() {
    writeAudit(3);
    VerifyAuditResponse result = verify();
    assertTrue(result.getIntact(), result.getProblem());
    assertEquals(3, result.getRecords());
    assertEquals(64, result.getHeadHash().length());
  }

  @Test
  void auditLogCannotBeChangedThroughSql() {
    writeAudit(2);
    assertThrows(SQLException.class, () -> tamper("DELETE FROM audit"));
    assertThrows(SQLException.class, () -> tamper("UPDATE audit SET model = 'x'"));
  }

  @Test
  void recordEditedBehindTheTriggersIsFound() throws Exception {
    writeAudit(5);
    AuditRecord third;
    try (Store store = Store.open(directory)) {
      third = store.audit("", 2, 1).getFirst();
    }
    tamper("DROP TRIGGER audit_update");
    tamper(
        "UPDATE audit SET record = ? WHERE sequence = 3",
        third.toBuilder().setActor("nobody").build().toByteArray());
    VerifyAuditResponse result = verify();
    assertFalse(result.getIntact());
    assertEquals(3, result.getFirstBadSequence());
  }

  @Test
  void recordThatWasTakenOutIsFoundAlsoAtTheEnd() throws Exception {
    writeAudit(5);
    tamper("DROP TRIGGER audit_delete");
    tamper("DELETE FROM audit WHERE sequence = 5");
    assertEquals(5, verify().getFirstBadSequence());
    tamper("DELETE FROM audit WHERE sequence = 2");
    assertEquals(2, verify().getFirstBadSequence());
  }

  @Test
  void unreadableRecordIsFoundAndNotThrown() throws Exception {
    writeAudit(3);
    tamper("DROP TRIGGER audit_update");
    tamper("UPDATE audit SET record = ? WHERE sequence = 2", new byte[] {(byte) 0xff, 1});
    assertEquals(2, verify().getFirstBadSequence());
  }

  @Test
  void fileOfANewerReleaseAndAFileThatIsNoneAreRefused() throws Exception {
    writeAudit(1);
    try (Connection connection =
            DriverManager.getConnection("jdbc:sqlite:" + directory.resolve("controller.db"));
        Statement statement = connection.createStatement()) {
      statement.executeUpdate("PRAGMA user_version = 99");
    }
    StoreException newer = assertThrows(StoreException.class, () -> Store.open(directory));
    assertTrue(String.valueOf(newer.getMessage()).contains("schema 99"), newer.getMessage());
    Path other = Files.createDirectories(directory.resolve("other"));
    Files.writeString(
        other.resolve("controller.db"), "this is no database, however long ".repeat(100));
    assertThrows(StoreException.class, () -> Store.open(other));
  }
}
