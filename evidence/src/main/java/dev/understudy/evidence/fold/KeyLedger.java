package dev.understudy.evidence.fold;

import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.Role;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What is counted when traffic is split by key: a key counts once, whatever router or weight brings
 * it again. Three things are counted, each of which a test can be fed with.
 *
 * <p><b>First seen</b>, for the split: each key falls on the canary with the weight in force when
 * it is first seen under a split.
 *
 * <p><b>First bad</b>, for the evidence against. Among the keys in the order of their first
 * failure, each lies on the canary with the weight in force, if failures do not depend on the arm.
 * (A canary whose keys fail later than they would have done is acceptable too: that only takes
 * events on the canary away, as long as weights do not fall.) How often a key calls does not
 * matter.
 *
 * <p><b>Finished keys</b>, for the proof. Whether a key <em>will</em> fail is not known when it is
 * first seen; to count it as good then, and again as bad later, credits it twice and proves what is
 * not so. So a key's outcome is whether it fails within {@value #WINDOW_SECONDS} seconds of being
 * first seen, and is told only when that time is over, for all keys of one second together: one
 * trial per key, with the arm drawn by the weight in force at its start. Keys whose rule's weight
 * changed meanwhile are left out, failed or not, because they may have changed the arm.
 *
 * <p><b>Late routers.</b> A router that lags tells of failures when the on-time seconds are long
 * past them. So keys that are first seen in a late second are no part of the proof, and while late
 * seconds come, every trial waits longer by as much as they lag: what the slowest router knows of a
 * key has come before the key counts as good. Lateness is a matter of networks and clocks, not of
 * arms or outcomes, so what is left is still a fair sample. What a router will bring that has only
 * just fallen silent nobody can know: until its first late second comes, trials end without it.
 *
 * <p>Cells under no split (canary weight 0 or 1) count for nothing. A failure that arrives after
 * its key was finished counts as first bad only.
 *
 * <p>Memory is bounded by thinning: when a set is full, only keys whose second hash lies below a
 * limit that is halved each time stay and enter; unfinished keys are then left out. The second hash
 * knows nothing of the arm, so what is left is still a fair sample.
 */
final class KeyLedger {
  static final int DEFAULT_CAPACITY = 1 << 20;
  static final int WINDOW_SECONDS = 60;

  /** Keys of one side that were first seen in one second. */
  private static final class Side {
    long seen;
    long bad;
  }

  private static final class Cohort {
    final Side canary = new Side();
    final Side baseline = new Side();
    final List<Long> keys = new ArrayList<>();
  }

  private record Start(long second, String rule) implements Comparable<Start> {
    @Override
    public int compareTo(Start other) {
      int order = Long.compare(second, other.second);
      return order != 0 ? order : rule.compareTo(other.rule);
    }
  }

  /** The decision in force for a rule. */
  private record Weight(long revision, int canaryBp) {}

  private final int capacity;
  private final Set<Long> seen = new HashSet<>();
  private final Set<Long> bad = new HashSet<>();
  private final Map<Long, Side> unfinished = new HashMap<>();
  private final TreeMap<Start, Cohort> cohorts = new TreeMap<>();
  private final Map<String, Weight> weights = new HashMap<>();
  // A key is kept while the leading bits of its second hash are all 0.
  private int thinningBits;
  private long newest = Long.MIN_VALUE;
  // How far late seconds lag, and the second until which that is believed.
  private long lag;
  private long lagUntil = Long.MIN_VALUE;

  KeyLedger(int capacity) {
    this.capacity = capacity;
  }

  /** A block comes, to be said before its cells are asked about. */
  void second(long second, boolean late) {
    if (!late) {
      newest = Math.max(newest, second);
    } else if (newest > second) {
      long behind = newest - second;
      lag = newest > lagUntil ? behind : Math.max(lag, behind);
      lagUntil = Math.max(lagUntil, newest + WINDOW_SECONDS + behind);
    }
  }

  /** How many of a cell's keys are first seen. Of one second, to be asked before {@link #bad}. */
  long seen(Cell cell, long second, boolean late) {
    weight(cell);
    if (!split(cell)) {
      return 0;
    }
    boolean inTrial = !late && inForce(cell);
    Cohort cohort = null;
    long fresh = 0;
    for (long key : cell.getFirstSeenKeysList()) {
      if (!kept(key) || !seen.add(key)) {
        continue;
      }
      fresh++;
      if (inTrial) {
        if (cohort == null) {
          cohort = cohorts.computeIfAbsent(new Start(second, cell.getRule()), s -> new Cohort());
        }
        Side side = cell.getRole() == Role.CANARY ? cohort.canary : cohort.baseline;
        side.seen++;
        if (bad.contains(key)) {
          side.bad++; // A router may cut its second between a call's start and its end.
        } else {
          unfinished.put(key, side);
          cohort.keys.add(key);
        }
      }
    }
    thin();
    return fresh;
  }

  /** How many of a cell's keys fail for the first time. */
  long bad(Cell cell) {
    if (!split(cell)) {
      return 0;
    }
    long fresh = 0;
    for (long key : cell.getFirstBadKeysList()) {
      if (kept(key) && bad.add(key)) {
        fresh++;
        Side side = unfinished.remove(key);
        if (side != null) {
          side.bad++;
        }
      }
    }
    thin();
    return fresh;
  }

  /** The keys whose time is over at the end of {@code second}, oldest first. */
  List<BlockView.Outcomes> finished(long second) {
    List<BlockView.Outcomes> finished = new ArrayList<>();
    long wait = WINDOW_SECONDS + (second <= lagUntil ? lag : 0);
    while (!cohorts.isEmpty() && cohorts.firstKey().second() <= second - wait) {
      Map.Entry<Start, Cohort> oldest = cohorts.pollFirstEntry();
      Cohort cohort = oldest.getValue();
      forget(cohort);
      Weight weight = weights.get(oldest.getKey().rule());
      if (weight != null) {
        finished.add(
            new BlockView.Outcomes(
                weight.canaryBp() / BlockView.BASIS_POINTS,
                cohort.canary.seen - cohort.canary.bad,
                cohort.canary.bad,
                cohort.baseline.seen - cohort.baseline.bad,
                cohort.baseline.bad));
      }
    }
    return finished;
  }

  /** One of 2^bits keys is counted. */
  int thinningBits() {
    return thinningBits;
  }

  private static boolean split(Cell cell) {
    return cell.getCanaryWeightBp() > 0 && cell.getCanaryWeightBp() < BlockView.BASIS_POINTS;
  }

  /** A later decision with another weight ends the trial of the keys that are under way. */
  private void weight(Cell cell) {
    Weight last = weights.get(cell.getRule());
    if (last != null && cell.getDecisionRevision() <= last.revision()) {
      return;
    }
    weights.put(cell.getRule(), new Weight(cell.getDecisionRevision(), cell.getCanaryWeightBp()));
    if (last != null && last.canaryBp() != cell.getCanaryWeightBp()) {
      Iterator<Map.Entry<Start, Cohort>> all = cohorts.entrySet().iterator();
      while (all.hasNext()) {
        Map.Entry<Start, Cohort> cohort = all.next();
        if (cohort.getKey().rule().equals(cell.getRule())) {
          forget(cohort.getValue());
          all.remove();
        }
      }
    }
  }

  private boolean inForce(Cell cell) {
    Weight now = weights.get(cell.getRule());
    return now != null && now.canaryBp() == cell.getCanaryWeightBp();
  }

  private void forget(Cohort cohort) {
    cohort.keys.forEach(unfinished::remove);
  }

  private void thin() {
    while (seen.size() > capacity || bad.size() > capacity) {
      thinningBits++;
      seen.removeIf(key -> !kept(key));
      bad.removeIf(key -> !kept(key));
      unfinished.clear();
      cohorts.clear();
    }
  }

  private boolean kept(long key) {
    return thinningBits == 0 || mix(key) >>> (Long.SIZE - thinningBits) == 0;
  }

  /** The finaliser of SplitMix64. */
  private static long mix(long z) {
    long x = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    x = (x ^ (x >>> 27)) * 0x94d049bb133111ebL;
    return x ^ (x >>> 31);
  }
}
