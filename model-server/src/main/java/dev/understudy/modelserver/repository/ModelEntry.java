package dev.understudy.modelserver.repository;

import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * What the repository knows about one model. Readers see one immutable map of versions at a time;
 * changes happen under {@link #changing}.
 */
final class ModelEntry {
  /** Held while the model is loaded or unloaded. */
  final ReentrantLock changing = new ReentrantLock();

  private volatile NavigableMap<Long, Slot> slots = new TreeMap<>();

  /** The versions by number. Not to be changed. */
  NavigableMap<Long, Slot> slots() {
    return slots;
  }

  void put(long version, Slot slot) {
    NavigableMap<Long, Slot> changed = new TreeMap<>(slots);
    changed.put(version, slot);
    slots = changed;
  }

  /** Forgets a version that was never served. */
  void remove(long version) {
    NavigableMap<Long, Slot> changed = new TreeMap<>(slots);
    changed.remove(version);
    slots = changed;
  }

  /** The highest version that answers calls, or null. */
  @Nullable ServedVersion latestReady() {
    for (Slot slot : slots.descendingMap().values()) {
      ServedVersion served = slot.ready();
      if (served != null) {
        return served;
      }
    }
    return null;
  }

  /** Whether some version can neither answer nor has been asked to go. */
  boolean isWithoutReady() {
    return latestReady() == null
        && slots.values().stream().anyMatch(slot -> slot.state() != VersionState.UNLOADED);
  }

  /**
   * One version.
   *
   * @param reason why it is not ready, or what went wrong when it was to be replaced; may be empty
   * @param served the version while it is ready, and the last one after it was unloaded
   * @param source from what it was loaded; null unless ready
   */
  record Slot(
      VersionState state,
      String reason,
      @Nullable ServedVersion served,
      @Nullable ConfigText source) {
    static Slot of(VersionState state, String reason) {
      return new Slot(state, reason, null, null);
    }

    /** The state as it shows, which tells apart whether calls still hold an unloaded version. */
    VersionState shownState() {
      return state == VersionState.UNLOADED && served != null && !served.isReleased()
          ? VersionState.UNLOADING
          : state;
    }

    @Nullable ServedVersion ready() {
      return state == VersionState.READY ? served : null;
    }
  }
}
