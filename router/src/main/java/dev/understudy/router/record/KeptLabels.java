package dev.understudy.router.record;

import dev.understudy.proto.v1.SliceLabel;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The slice values that a rollout's cells tell apart: those that came first, as many as fit; all
 * others of a slice count under its value {@code other}. Cells of all arms share one set, and a
 * value is taken in the first time it is seen or never: were it told apart in one arm and lumped
 * together in another, the arms would seem to differ in it. Any thread; a lock only while there is
 * room.
 */
public final class KeptLabels {
  /** What stands for the values that found no room. */
  public static final String OTHER = "other";

  /** Labels that a cell has at most. */
  static final int MOST = 64;

  private final int room;
  private final ConcurrentHashMap<SliceLabel, SliceLabel> kept = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<String, SliceLabel> others = new ConcurrentHashMap<>();
  private volatile boolean full;

  /**
   * An empty set.
   *
   * @param slices how many slices there are, fewer than {@value #MOST}: each may need its {@code
   *     other}
   */
  public KeptLabels(int slices) {
    if (slices >= MOST) {
      throw new IllegalArgumentException("slices: " + slices + " (expected: < " + MOST + ")");
    }
    this.room = MOST - slices;
  }

  /** The label under which a call with this label is counted. */
  public SliceLabel of(SliceLabel label) {
    SliceLabel known = kept.get(label);
    if (known != null) {
      return known;
    }
    if (!full) {
      return takeIn(label);
    }
    // Another thread may have taken it in, as the last one, since the first look.
    known = kept.get(label);
    return known != null ? known : other(label.getSlice());
  }

  private synchronized SliceLabel takeIn(SliceLabel label) {
    SliceLabel known = kept.get(label);
    if (known != null) {
      return known;
    }
    if (kept.size() >= room) {
      return other(label.getSlice());
    }
    kept.put(label, label);
    full = kept.size() >= room;
    return label;
  }

  private SliceLabel other(String slice) {
    SliceLabel known = others.get(slice);
    return known != null
        ? known
        : others.computeIfAbsent(
            slice, name -> SliceLabel.newBuilder().setSlice(name).setValue(OTHER).build());
  }
}
