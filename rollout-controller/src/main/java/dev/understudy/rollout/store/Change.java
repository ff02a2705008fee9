package dev.understudy.rollout.store;

import dev.understudy.proto.v1.AuditRecord;
import dev.understudy.proto.v1.CatalogVersion;
import dev.understudy.proto.v1.DecisionRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.ModelSignature;
import dev.understudy.rollout.audit.AuditChain;
import dev.understudy.rollout.policy.RolloutState;

/** What can be done inside one {@link Store#change}. Not to be kept beyond it. */
public final class Change {
  private final Store store;

  Change(Store store) {
    this.store = store;
  }

  /** Begins a rollout. */
  public void insert(StoredRollout rollout) {
    store.update(
        "INSERT INTO rollouts(id, model, plan, plan_digest, attempt, champion, spec, phase, resume,"
            + " step, reason, detail, phase_since, step_since, samples_before, flags,"
            + " decision_revision, ended) VALUES (?,?,?,?,?,?,?,0,0,0,'','',0,0,0,0,0,0)",
        rollout.id(),
        rollout.model(),
        rollout.plan().toByteArray(),
        rollout.planDigest(),
        rollout.attempt(),
        rollout.championVersion(),
        rollout.spec().toByteArray());
    save(rollout);
  }

  /** Begins another attempt of a rollout, perhaps by an edited plan. */
  public void retry(StoredRollout rollout) {
    store.update(
        "UPDATE rollouts SET plan = ?, plan_digest = ?, attempt = ?, spec = ? WHERE id = ?",
        rollout.plan().toByteArray(),
        rollout.planDigest(),
        rollout.attempt(),
        rollout.spec().toByteArray(),
        rollout.id());
    save(rollout);
  }

  /** Keeps where a rollout stands. */
  public void save(StoredRollout rollout) {
    RolloutState state = rollout.state();
    int flags =
        (state.splitAccepted() ? 1 : 0)
            | (state.overridden() ? 2 : 0)
            | (state.promoted() ? 4 : 0)
            | (state.undoLoads() ? 8 : 0);
    store.update(
        "UPDATE rollouts SET phase = ?, resume = ?, step = ?, reason = ?, detail = ?,"
            + " phase_since = ?, step_since = ?, samples_before = ?, flags = ?,"
            + " decision_revision = ?, ended = ? WHERE id = ?",
        state.phase().getNumber(),
        state.resume().getNumber(),
        state.step(),
        state.reason(),
        state.detail(),
        state.phaseSinceMillis(),
        state.stepSinceMillis(),
        state.baseline(),
        flags,
        rollout.decisionRevision(),
        rollout.endedMillis(),
        rollout.id());
  }

  /** Keeps what was decided. */
  public void decide(String rolloutId, DecisionRecord decision) {
    store.update(
        "INSERT INTO decisions(rollout_id, revision, applied, record) VALUES (?,?,0,?)",
        rolloutId,
        decision.getRoutingRevision(),
        decision.toByteArray());
  }

  /** Keeps the evidence that a decision rests on. */
  public void report(String rolloutId, EvidenceReport report) {
    store.update(
        "INSERT INTO reports(rollout_id, record) VALUES (?,?)"
            + " ON CONFLICT(rollout_id) DO UPDATE SET record = excluded.record",
        rolloutId,
        report.toByteArray());
  }

  /** Notes when the last router had everything up to a revision in force. */
  public void applied(long revision, long unixMillis) {
    store.update(
        "UPDATE decisions SET applied = ? WHERE applied = 0 AND revision <= ?",
        unixMillis,
        revision);
  }

  /**
   * The next revision of the routing table.
   *
   * @param beyond a revision that was sent without being kept; the next one is higher
   */
  public long nextRevision(long beyond) {
    store.update("UPDATE counters SET value = max(value, ?) + 1 WHERE name = 'revision'", beyond);
    return store.counter("revision");
  }

  /** Gives an alias to a version; an empty version takes it away. */
  public void alias(String model, String alias, String version, String rolloutId, long unixMillis) {
    store.update(
        "INSERT INTO aliases(model, alias, version, unix_ms, rollout_id) VALUES (?,?,?,?,?)",
        model,
        alias,
        version,
        unixMillis,
        rolloutId);
  }

  /** Registers a version, or its new card. */
  public void register(CatalogVersion version) {
    store.update(
        "INSERT INTO versions(model, version, digest, record) VALUES (?,?,?,?)"
            + " ON CONFLICT(model, version) DO UPDATE SET digest = excluded.digest,"
            + " record = excluded.record",
        version.getModel(),
        version.getVersion(),
        version.getDigest(),
        version.toByteArray());
  }

  /** Keeps what a version takes and gives. */
  public void signature(String model, String version, ModelSignature signature) {
    store.update(
        "INSERT INTO signatures(model, version, record) VALUES (?,?,?)"
            + " ON CONFLICT(model, version) DO UPDATE SET record = excluded.record",
        model,
        version,
        signature.toByteArray());
  }

  /** Appends to the audit log. */
  public void audit(
      long unixMillis, String actor, String action, String model, String rolloutId, String detail) {
    long sequence = store.counter("audit") + 1;
    AuditRecord record =
        AuditChain.seal(
            AuditRecord.newBuilder()
                .setSequence(sequence)
                .setUnixMs(unixMillis)
                .setActor(actor)
                .setAction(action)
                .setModel(model)
                .setRolloutId(rolloutId)
                .setDetail(detail)
                .build(),
            store.text("audit-head", AuditChain.GENESIS));
    store.update(
        "INSERT INTO audit(sequence, model, record) VALUES (?,?,?)",
        sequence,
        model,
        record.toByteArray());
    store.update("UPDATE counters SET value = ? WHERE name = 'audit'", sequence);
    store.update(
        "INSERT INTO texts(name, value) VALUES ('audit-head', ?)"
            + " ON CONFLICT(name) DO UPDATE SET value = excluded.value",
        record.getHash());
  }
}
