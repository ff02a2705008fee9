package dev.understudy.evidence.fold;

import dev.understudy.evidence.process.Draws;
import dev.understudy.proto.v1.ArmState;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Measures false alarms on recorded traffic: takes the log of a version that ran against itself,
 * makes many copies in which only the names of the arms are dealt anew, and folds each with the
 * production fold. Whatever stops such a copy is a false alarm.
 *
 * <p><b>How copies are made.</b> With a live control of the canary's share, both arms are the same
 * version with the same share, so within each second their names could as well have been exchanged:
 * a fair coin for each second decides whether they are ({@link Method#SWAPPED_SECONDS}). All that
 * happened within the second stays as it was: bursts, stalls that hit both arms, retries, the mix
 * of outcomes. Without such a control each outcome of canary and champion goes to the canary with
 * the probability that was in force ({@link Method#REDRAWN_FAILURES}); latencies and runs of
 * failures cannot be dealt in that way, so only failures and the split are tested.
 *
 * <p><b>What this tests:</b> limits, thinning and adaptive choices of the judge, on the volume, the
 * bursts and the shared stalls of this traffic. <b>What it does not:</b> whether canary and control
 * are equally fast. A machine that is slower for minutes is slower as canary and as control in turn
 * in the copies; in the log as it is, it is not. So the evidence that the log itself reached is
 * reported beside the share. What both differ in from the champion, smaller machines that fail more
 * often, say, is in every copy, because the judge compares failures with the champion's too: that
 * is no error of the judge, and it would stop a harmless rollout as well. Pairs and known outcomes,
 * which are compared case by case, are in every copy as they were.
 *
 * <p>Pure: the same log, number and seed give the same result.
 */
public final class Relabel {
  /** How the copies are made. */
  public enum Method {
    /** Canary and live control change places in some seconds. */
    SWAPPED_SECONDS,
    /** Outcomes of canary and champion are dealt anew. */
    REDRAWN_FAILURES
  }

  /** The most copies. */
  public static final int MAX_COPIES = 100_000;

  private static final double BASIS_POINTS = 10_000;

  private final List<EvidenceLogRecord> records;
  private final Method method;

  private Relabel(List<EvidenceLogRecord> records, Method method) {
    this.records = records;
    this.method = method;
  }

  /**
   * Measures the share of copies that would have been stopped. Uses the common pool.
   *
   * @param records one evidence log from its first record
   * @param copies 1 to {@link #MAX_COPIES}
   * @throws IllegalArgumentException when the log is not of a version against itself, is split by
   *     key (keys stay with their arm, so the names of a second cannot be exchanged), has no second
   *     to relabel, or is refused by {@link EvidenceFold#accept}
   */
  public static Relabelled measure(List<EvidenceLogRecord> records, int copies, long seed) {
    if (copies < 1 || copies > MAX_COPIES) {
      throw new IllegalArgumentException(
          "copies: " + copies + " (expected: 1 to " + MAX_COPIES + ")");
    }
    EvaluationSpec spec = spec(records);
    Relabel relabel =
        new Relabel(
            records, spec.getLiveControl() ? Method.SWAPPED_SECONDS : Method.REDRAWN_FAILURES);
    long seconds = 0;
    long untouched = 0;
    double peak = 0;
    EvidenceFold fold = new EvidenceFold();
    for (EvidenceLogRecord record : records) {
      fold.accept(record);
      if (record.hasBlock() && hasCanary(record.getBlock())) {
        peak = StrictMath.max(peak, fold.report().getLogAgainst());
        seconds += relabel.canRelabel(record.getBlock()) ? 1 : 0;
        untouched += relabel.canRelabel(record.getBlock()) ? 0 : 1;
      }
    }
    if (seconds == 0) {
      throw new IllegalArgumentException(
          "seconds to relabel: 0 (expected: some with a canary"
              + (spec.getLiveControl() ? " and a control of its share)" : ")"));
    }
    int stopped =
        (int)
            IntStream.range(0, copies)
                .parallel()
                .filter(copy -> relabel.isStopped(new Draws(seed, copy)))
                .count();
    BinomialInterval interval = BinomialInterval.of(stopped, copies);
    return new Relabelled(
        relabel.method,
        copies,
        stopped,
        interval.low(),
        interval.high(),
        spec.getAlpha(),
        seconds,
        untouched,
        peak);
  }

  private static EvaluationSpec spec(List<EvidenceLogRecord> records) {
    if (records.isEmpty() || !records.get(0).hasSpec()) {
      throw new IllegalArgumentException("first record: no spec (expected: what is judged)");
    }
    EvaluationSpec spec = records.get(0).getSpec();
    if (!spec.getChampionVersion().equals(spec.getChallengerVersion())) {
      throw new IllegalArgumentException(
          "challenger: version "
              + spec.getChallengerVersion()
              + " (expected: "
              + spec.getChampionVersion()
              + ", the champion; only a version against itself shows false alarms)");
    }
    if (spec.getUnit() == RandomisationUnit.KEY) {
      throw new IllegalArgumentException(
          "unit: KEY (expected: REQUEST; keys stay with their arm from second to second)");
    }
    return spec;
  }

  private boolean isStopped(Draws draws) {
    EvidenceFold fold = new EvidenceFold();
    for (EvidenceLogRecord record : records) {
      fold.accept(relabelled(record, draws));
      if (fold.against()) {
        return true;
      }
    }
    return false;
  }

  /** One copy of a log; for tests. */
  static List<EvidenceLogRecord> copy(
      List<EvidenceLogRecord> records, Method method, long seed, int number) {
    Relabel relabel = new Relabel(records, method);
    Draws draws = new Draws(seed, number);
    return records.stream().map(record -> relabel.relabelled(record, draws)).toList();
  }

  private EvidenceLogRecord relabelled(EvidenceLogRecord record, Draws draws) {
    if (!record.hasBlock()
        || RecordCheck.problem(record) != null
        || !canRelabel(record.getBlock())) {
      return record;
    }
    return switch (method) {
      case SWAPPED_SECONDS ->
          draws.nextLong() < 0
              ? record.toBuilder().setBlock(swapped(record.getBlock())).build()
              : record;
      case REDRAWN_FAILURES ->
          record.toBuilder().setBlock(redrawn(record.getBlock(), draws)).build();
    };
  }

  private static boolean hasCanary(JoinedBlock block) {
    return block.getCellsList().stream().anyMatch(cell -> cell.getCanaryWeightBp() > 0);
  }

  /** Whether every share in force in the second lets its arms be dealt anew. */
  private boolean canRelabel(JoinedBlock block) {
    if (!hasCanary(block)) {
      return false;
    }
    return switch (method) {
      case SWAPPED_SECONDS ->
          block.getCellsList().stream()
              .allMatch(cell -> cell.getCanaryWeightBp() == cell.getControlWeightBp());
      case REDRAWN_FAILURES ->
          block.getCellsList().stream().noneMatch(cell -> cell.getControlWeightBp() > 0);
    };
  }

  private static JoinedBlock swapped(JoinedBlock block) {
    JoinedBlock.Builder copy = block.toBuilder();
    for (int i = 0; i < copy.getCellsCount(); i++) {
      Cell cell = copy.getCells(i);
      if (cell.getCanaryWeightBp() > 0) {
        copy.setCells(i, cell.toBuilder().setRole(other(cell.getRole())));
      }
    }
    List<ArmState> arms = new ArrayList<>();
    for (ArmState arm : block.getArmsList()) {
      arms.add(arm.toBuilder().setRole(other(arm.getRole())).build());
    }
    return copy.clearArms().addAllArms(arms).build();
  }

  private static Role other(Role role) {
    return switch (role) {
      case CANARY -> Role.CONTROL;
      case CONTROL -> Role.CANARY;
      default -> role;
    };
  }

  /** Canary and champion of one decision, as far as outcomes go. */
  private static final class Pool {
    private final TreeMap<Integer, Long> outcomes = new TreeMap<>();
    private @Nullable Cell any;
    private long assigned;

    private void add(Cell cell) {
      any = cell;
      assigned += cell.getAssigned();
      for (OutcomeCount outcome : cell.getOutcomesList()) {
        outcomes.merge(outcome.getOutcomeValue(), outcome.getCount(), Long::sum);
      }
    }

    private void deal(JoinedBlock.Builder copy, Draws draws) {
      if (any == null) {
        return;
      }
      double share = any.getCanaryWeightBp() / BASIS_POINTS;
      long toCanary = draws.binomial(assigned, share);
      Cell.Builder bare =
          any.toBuilder()
              .clearOutcomes()
              .clearRescued()
              .clearSlices()
              .clearStages()
              .clearNodes()
              .clearLongestBadRun()
              .clearFirstBadUnixMs()
              .setLatency(LatencyCounts.getDefaultInstance());
      Cell.Builder canary = bare.clone().setRole(Role.CANARY).setAssigned(toCanary);
      Cell.Builder champion = bare.clone().setRole(Role.CHAMPION).setAssigned(assigned - toCanary);
      for (Map.Entry<Integer, Long> outcome : outcomes.entrySet()) {
        long drawn = draws.binomial(outcome.getValue(), share);
        count(canary, outcome.getKey(), drawn);
        count(champion, outcome.getKey(), outcome.getValue() - drawn);
      }
      copy.addCells(canary).addCells(champion);
    }

    private static void count(Cell.Builder cell, int outcome, long count) {
      if (count > 0) {
        cell.addOutcomes(OutcomeCount.newBuilder().setOutcomeValue(outcome).setCount(count));
      }
    }
  }

  private static JoinedBlock redrawn(JoinedBlock block, Draws draws) {
    JoinedBlock.Builder copy = block.toBuilder().clearCells().clearArms();
    TreeMap<BlockView.Force, Pool> pools = new TreeMap<>();
    for (Cell cell : block.getCellsList()) {
      boolean dealt =
          cell.getCanaryWeightBp() > 0
              && (cell.getRole() == Role.CANARY || cell.getRole() == Role.CHAMPION);
      if (dealt) {
        pools.computeIfAbsent(BlockView.Force.of(cell), force -> new Pool()).add(cell);
      } else {
        copy.addCells(cell);
      }
    }
    pools.values().forEach(pool -> pool.deal(copy, draws));
    return copy.build();
  }
}
