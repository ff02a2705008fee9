package dev.understudy.evidence.tally;

import com.google.protobuf.ByteString;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.TensorValue;
import java.util.Iterator;
import java.util.LinkedHashMap;

/**
 * Finds, for the pair of a shadow, the pair of the mirrored control that belongs to the same call,
 * and the other way round.
 *
 * <p>Clients may choose prediction ids, also badly: the champion's answer must be the same too, by
 * its size and the bytes at both ends. What stays alone is forgotten when {@value #MOST} newer ones
 * wait, or after the second {@link #turn()}, and counted.
 */
final class Triples {
  static final int MOST = 8_192;

  /** No difference: the partner is not there. */
  static final int NONE = Integer.MIN_VALUE;

  private static final int ENDS = 64;

  private record Waiting(Role role, int units, int fingerprint, long turn) {}

  private final LinkedHashMap<String, Waiting> waiting = new LinkedHashMap<>();
  private long turn;
  private long alone;

  /**
   * Takes up a measured pair.
   *
   * @return the shadow's units less the control's, or {@link #NONE}
   */
  int add(Comparison comparison, int units) {
    Role role = comparison.getRole();
    String id = comparison.getPredictionId();
    if ((role != Role.SHADOW && role != Role.MIRRORED_CONTROL) || id.isEmpty()) {
      return NONE;
    }
    int fingerprint = fingerprint(comparison);
    Waiting partner = waiting.get(id);
    if (partner != null && partner.role() != role && partner.fingerprint() == fingerprint) {
      waiting.remove(id);
      return role == Role.SHADOW ? units - partner.units() : partner.units() - units;
    }
    if (partner != null) {
      waiting.remove(id); // The newer one has better chances.
      alone++;
    } else if (waiting.size() >= MOST) {
      waiting.pollFirstEntry();
      alone++;
    }
    waiting.put(id, new Waiting(role, units, fingerprint, turn));
    return NONE;
  }

  /** Forgets what has seen the turn before this one. */
  void turn() {
    Iterator<Waiting> oldest = waiting.values().iterator();
    while (oldest.hasNext() && oldest.next().turn() < turn) {
      oldest.remove();
      alone++;
    }
    turn++;
  }

  /** Pairs whose partner never came. */
  long alone() {
    return alone;
  }

  private static int fingerprint(Comparison comparison) {
    int hash = 1;
    for (TensorValue output : comparison.getChampionOutputsList()) {
      ByteString data = output.getData();
      int size = data.size();
      hash = 31 * hash + size;
      for (int i = Math.min(size, ENDS) - 1; i >= 0; i--) {
        hash = 31 * hash + data.byteAt(i);
      }
      for (int i = Math.max(ENDS, size - ENDS); i < size; i++) {
        hash = 31 * hash + data.byteAt(i);
      }
    }
    return hash;
  }
}
