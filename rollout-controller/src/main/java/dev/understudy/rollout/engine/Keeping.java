package dev.understudy.rollout.engine;

import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.v1.Phase;
import dev.understudy.rollout.store.Change;
import dev.understudy.rollout.store.Store;
import dev.understudy.rollout.store.StoreException;
import dev.understudy.rollout.store.StoredRollout;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Every write of the engine goes through here, so that it knows at any time whether what it decides
 * can be kept.
 *
 * <p>When it cannot (a full disk, say), nothing that would risk more is done, and what risks less
 * is done all the same: leases end, and a challenger that must go is taken out by a table that
 * rests on no stored decision. Such a table takes the next revision without storing it. Within this
 * epoch no later table uses that revision again ({@link #nextRevision}); after a restart the epoch
 * is higher, and routers compare revisions within an epoch only. What is lost by a restart before
 * there is room is the decision itself: a challenger that the evidence spoke against is taken out
 * again by the same evidence, but a stop by hand must be said again.
 *
 * <p>For the engine's thread, except {@link #trouble()}.
 */
final class Keeping {
  private static final Logger log = Logger.getLogger(Keeping.class.getName());

  private final Store store;
  private final TimeSource time;
  private final TreeMap<String, StoredRollout> takenOut = new TreeMap<>();
  private volatile @Nullable String trouble;
  private long issued;

  Keeping(Store store, TimeSource time) {
    this.store = store;
    this.time = time;
  }

  /** Why the last change could not be kept; null if it was. Any thread. */
  @Nullable String trouble() {
    return trouble;
  }

  /**
   * Makes a change: all of it is kept, or nothing.
   *
   * @throws StoreException if it cannot be kept; from now on {@link #trouble()} says why
   * @throws dev.understudy.rollout.store.FencedException if a newer controller has taken over
   */
  void change(Consumer<Change> work) {
    try {
      store.change(work);
    } catch (StoreException e) {
      if (trouble == null) {
        log.severe(() -> "leases are not renewed until decisions can be stored: " + e.getMessage());
      }
      trouble = e.getMessage() == null ? e.toString() : e.getMessage();
      throw e;
    }
    if (trouble != null) {
      trouble = null;
      log.info("decisions can be stored again; leases are renewed");
    }
  }

  /** While there is trouble, tries whether a change can be kept again, by noting just that. */
  void probe() {
    if (trouble != null) {
      change(tx ->
          tx.audit(
              time.wallMillis(),
              Core.CONTROLLER,
              "controller.storage",
              "",
              "",
              "decisions can be stored again"));
    }
  }

  /** The next revision of the table: none that was ever sent in this epoch. */
  long nextRevision(Change tx) {
    return tx.nextRevision(issued);
  }

  /** Revision of the newest table. */
  long revision() {
    return Math.max(issued, store.revision());
  }

  /**
   * Takes a challenger out although that cannot be kept.
   *
   * @return whether that changes the table
   */
  boolean takeOut(StoredRollout rollout) {
    StoredRollout before = takenOut.get(rollout.model());
    if (before != null && before.id().equals(rollout.id())) {
      return false;
    }
    issued = revision() + 1;
    takenOut.put(rollout.model(), rollout.with(rollout.state(), issued, rollout.endedMillis()));
    return true;
  }

  /** The stop of a model's rollout has been kept. */
  void kept(StoredRollout rollout) {
    if (rollout.state().phase() == Phase.ABORTING) {
      takenOut.remove(rollout.model());
    }
  }

  /** The model's rollout as it is in force but not kept; null if everything is kept. */
  @Nullable StoredRollout takenOut(String model) {
    return takenOut.get(model);
  }
}
