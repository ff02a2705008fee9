package dev.understudy.comparator.pairs;

import dev.understudy.proto.v1.KeptPair;
import dev.understudy.proto.v1.NoiseSample;
import dev.understudy.proto.v1.PairTally;
import java.util.List;

/**
 * What came of the comparisons of one rollout since the last time.
 *
 * @param tallies by role
 * @param noise control pairs from which tolerances are learned, where they are not yet
 * @param kept the most divergent pairs
 */
public record Measured(List<PairTally> tallies, List<NoiseSample> noise, List<KeptPair> kept) {
  /** Keeps its own copies. */
  public Measured {
    tallies = List.copyOf(tallies);
    noise = List.copyOf(noise);
    kept = List.copyOf(kept);
  }

  /** Whether there is nothing to say. */
  public boolean isEmpty() {
    return tallies.isEmpty() && noise.isEmpty() && kept.isEmpty();
  }
}
