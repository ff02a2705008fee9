package dev.understudy.evidence.tally;

import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.KeptPair;
import dev.understudy.proto.v1.Role;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** The most divergent comparisons of challengers, whole, as the router sent them. */
final class KeptPairs {
  private static final int MOST = 3;
  private static final int MOST_BYTES = 1 << 20;
  private static final Comparator<KeptPair> MOST_DIVERGENT =
      Comparator.comparingInt(KeptPair::getDivergence).reversed();

  private final List<KeptPair> kept = new ArrayList<>();

  void offer(Comparison comparison, int units) {
    if (units == 0
        || comparison.getRole() == Role.MIRRORED_CONTROL
        || (kept.size() == MOST && kept.getLast().getDivergence() >= units)
        || comparison.getSerializedSize() > MOST_BYTES) {
      return;
    }
    kept.add(KeptPair.newBuilder().setDivergence(units).setComparison(comparison).build());
    kept.sort(MOST_DIVERGENT);
    if (kept.size() > MOST) {
      kept.removeLast();
    }
  }

  List<KeptPair> take() {
    List<KeptPair> taken = List.copyOf(kept);
    kept.clear();
    return taken;
  }
}
