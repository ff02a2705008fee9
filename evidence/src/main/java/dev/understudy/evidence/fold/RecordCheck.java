package dev.understudy.evidence.fold;

import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.Gap;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.PairCell;
import dev.understudy.proto.v1.SliceCell;
import dev.understudy.proto.v1.WatchSpec;
import org.jspecify.annotations.Nullable;

/**
 * Tells records that a fold can count from those that it skips whole: a block without one of its
 * arms would be worse than none. Names that are not known (a role, a kind of record) are no
 * problem: a later version may have written them, and what they stand for is not counted.
 */
public final class RecordCheck {
  private static final int BASIS_POINTS = 10_000;
  // Sums of such counts over any log cannot overflow.
  private static final long MOST = 1L << 32;
  // Over all arms and rules of a second. Whichever cells a metric adds up, it can take them.
  private static final long MOST_LATENCIES = 1L << 32;
  // Every request is in one slice for each of the names that it is sliced by.
  private static final long MOST_SLICED = 1L << 38;
  private static final long MOST_OUTCOMES = 1L << 38;
  // The year 36812: differences of such seconds cannot overflow.
  private static final long LAST_SECOND = 1L << 40;

  private RecordCheck() {}

  /** What is wrong with a record, with the value and the expectation; null when nothing is. */
  public static @Nullable String problem(EvidenceLogRecord record) {
    return switch (record.getRecordCase()) {
      case BLOCK -> problem(record.getBlock());
      case PAIRS -> TallyCheck.problem(record.getPairs());
      case GAP -> problem(record.getGap());
      case WATCH -> problem(record.getWatch());
      case SPEC, LABELS, STOP, TOLERANCE, RECORD_NOT_SET -> null;
    };
  }

  private static @Nullable String problem(JoinedBlock block) {
    if (block.getSecond() < 0 || block.getSecond() > LAST_SECOND) {
      return "second: " + block.getSecond() + " (expected: 0 to 2^40)";
    }
    long latencies = 0;
    long sliced = 0;
    long outcomes = 0;
    for (Cell cell : block.getCellsList()) {
      String problem = BlockCheck.problem(cell);
      if (problem != null) {
        return problem;
      }
      latencies += total(cell.getLatency());
      for (SliceCell slice : cell.getSlicesList()) {
        sliced += total(slice.getLatency()) + slice.getOk() + slice.getBad();
      }
      outcomes += cell.getAssigned();
      for (OutcomeCount outcome : cell.getOutcomesList()) {
        outcomes += outcome.getCount();
      }
    }
    long copies = 0;
    for (PairCell cell : block.getPairsList()) {
      String problem = BlockCheck.problem(cell);
      if (problem != null) {
        return problem;
      }
      copies += total(cell.getCopyLatency());
    }
    return firstOf(
        atMost("latencies of all cells", latencies, MOST_LATENCIES),
        atMost("latencies of all pairs", copies, MOST_LATENCIES),
        atMost("counts of all slices", sliced, MOST_SLICED),
        atMost("outcomes of all cells", outcomes, MOST_OUTCOMES));
  }

  private static long total(LatencyCounts latency) {
    long total = 0;
    for (int i = 0; i < latency.getCountCount(); i++) {
      total += latency.getCount(i);
    }
    return total;
  }

  private static @Nullable String atMost(String what, long count, long most) {
    return count > most ? what + ": " + count + " (expected: at most " + most + ")" : null;
  }

  private static @Nullable String firstOf(@Nullable String... problems) {
    for (String problem : problems) {
      if (problem != null) {
        return problem;
      }
    }
    return null;
  }

  private static @Nullable String problem(Gap gap) {
    long first = gap.getFirstMissing();
    long last = gap.getLastMissing();
    return first < 0 || last < first || last - first >= MOST
        ? "gap: "
            + Long.toUnsignedString(first)
            + " to "
            + Long.toUnsignedString(last)
            + " (expected: ascending, at most "
            + MOST
            + " blocks)"
        : null;
  }

  private static @Nullable String problem(WatchSpec watch) {
    if (watch.getHorizonSeconds() == 0) {
      return "horizon_seconds: 0 (expected: >= 1)";
    }
    if (!(watch.getAlpha() > 0 && watch.getAlpha() < 1)) {
      return "alpha: " + watch.getAlpha() + " (expected: > 0 and < 1)";
    }
    long kept = Integer.toUnsignedLong(watch.getKeptBp());
    return kept >= BASIS_POINTS
        ? "kept_bp: " + kept + " (expected: below " + BASIS_POINTS + ")"
        : null;
  }
}
