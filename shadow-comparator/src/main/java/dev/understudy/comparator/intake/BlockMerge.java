package dev.understudy.comparator.intake;

import dev.understudy.evidence.latency.SparseHistogram;
import dev.understudy.proto.v1.BlockSource;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.PairCell;
import dev.understudy.proto.v1.Role;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;

/**
 * Merges the blocks of one second, as far as they concern one rollout, before anything is made of
 * them: cells with one key become one cell. The result does not depend on the order of arrival.
 */
final class BlockMerge {
  static final Comparator<EvidenceBlock> ORDER =
      Comparator.comparing((EvidenceBlock block) -> Boot.of(block))
          .thenComparingLong(EvidenceBlock::getSequence);

  private record CellKey(
      String model,
      String rule,
      long revision,
      int canaryBp,
      int controlBp,
      Role role,
      String version) {
    static final Comparator<CellKey> ORDER =
        Comparator.comparing(CellKey::model)
            .thenComparing(CellKey::rule)
            .thenComparingLong(CellKey::revision)
            .thenComparingInt(CellKey::canaryBp)
            .thenComparingInt(CellKey::controlBp)
            .thenComparing(CellKey::role)
            .thenComparing(CellKey::version);

    static CellKey of(Cell cell) {
      return new CellKey(
          cell.getModel(),
          cell.getRule(),
          cell.getDecisionRevision(),
          cell.getCanaryWeightBp(),
          cell.getControlWeightBp(),
          cell.getRole(),
          cell.getVersion());
    }

    static CellKey of(PairCell cell) {
      return new CellKey(
          cell.getModel(), "", cell.getDecisionRevision(), 0, 0, cell.getRole(), cell.getVersion());
    }
  }

  private static final class Sum<T> {
    final T builder;
    final TreeMap<Integer, Long> outcomes = new TreeMap<>();
    final SparseHistogram latency = new SparseHistogram();

    Sum(T builder) {
      this.builder = builder;
    }
  }

  private BlockMerge() {}

  /**
   * @param blocks in {@link #ORDER}
   */
  static JoinedBlock merge(
      String rolloutId, long second, boolean late, List<EvidenceBlock> blocks) {
    JoinedBlock.Builder joined = JoinedBlock.newBuilder().setSecond(second).setLate(late);
    TreeMap<CellKey, Sum<Cell.Builder>> cells = new TreeMap<>(CellKey.ORDER);
    TreeMap<CellKey, Sum<PairCell.Builder>> pairs = new TreeMap<>(CellKey.ORDER);
    for (EvidenceBlock block : blocks) {
      joined.addSources(
          BlockSource.newBuilder()
              .setRouter(block.getRouter())
              .setBootId(block.getBootId())
              .setSequence(block.getSequence()));
      for (Cell cell : block.getCellsList()) {
        if (cell.getRolloutId().equals(rolloutId)) {
          add(cells.computeIfAbsent(CellKey.of(cell), k -> new Sum<>(head(cell))), cell);
        }
      }
      for (PairCell cell : block.getPairsList()) {
        if (cell.getRolloutId().equals(rolloutId)) {
          add(pairs.computeIfAbsent(CellKey.of(cell), k -> new Sum<>(head(cell))), cell);
        }
      }
    }
    cells.values().forEach(sum -> joined.addCells(finish(sum)));
    pairs.values().forEach(sum -> joined.addPairs(sum.builder.setCopyLatency(counts(sum.latency))));
    return joined
        .setRouters((int) blocks.stream().map(EvidenceBlock::getRouter).distinct().count())
        .build();
  }

  private static Cell.Builder head(Cell cell) {
    return Cell.newBuilder()
        .setRolloutId(cell.getRolloutId())
        .setModel(cell.getModel())
        .setRule(cell.getRule())
        .setDecisionRevision(cell.getDecisionRevision())
        .setCanaryWeightBp(cell.getCanaryWeightBp())
        .setControlWeightBp(cell.getControlWeightBp())
        .setRole(cell.getRole())
        .setVersion(cell.getVersion());
  }

  private static PairCell.Builder head(PairCell cell) {
    return PairCell.newBuilder()
        .setRolloutId(cell.getRolloutId())
        .setModel(cell.getModel())
        .setDecisionRevision(cell.getDecisionRevision())
        .setRole(cell.getRole())
        .setVersion(cell.getVersion());
  }

  private static void add(Sum<Cell.Builder> sum, Cell cell) {
    Cell.Builder to = sum.builder;
    to.setAssigned(to.getAssigned() + cell.getAssigned())
        .setRescued(to.getRescued() + cell.getRescued())
        .setLeftOut(to.getLeftOut() + cell.getLeftOut())
        .addAllFirstSeenKeys(cell.getFirstSeenKeysList())
        .addAllFirstBadKeys(cell.getFirstBadKeysList());
    if (Integer.compareUnsigned(cell.getLongestBadRun(), to.getLongestBadRun()) > 0) {
      to.setLongestBadRun(cell.getLongestBadRun());
    }
    long first = cell.getFirstBadUnixMs();
    if (first != 0 && (to.getFirstBadUnixMs() == 0 || first < to.getFirstBadUnixMs())) {
      to.setFirstBadUnixMs(first);
    }
    for (OutcomeCount outcome : cell.getOutcomesList()) {
      sum.outcomes.merge(outcome.getOutcomeValue(), outcome.getCount(), Long::sum);
    }
    add(sum.latency, cell.getLatency());
  }

  private static void add(Sum<PairCell.Builder> sum, PairCell cell) {
    PairCell.Builder to = sum.builder;
    to.setBothOk(to.getBothOk() + cell.getBothOk())
        .setOnlyChampionBad(to.getOnlyChampionBad() + cell.getOnlyChampionBad())
        .setOnlyCopyBad(to.getOnlyCopyBad() + cell.getOnlyCopyBad())
        .setBothBad(to.getBothBad() + cell.getBothBad())
        .setDropped(to.getDropped() + cell.getDropped());
    add(sum.latency, cell.getCopyLatency());
  }

  private static Cell finish(Sum<Cell.Builder> sum) {
    sum.outcomes.forEach((outcome, count) ->
        sum.builder.addOutcomes(
            OutcomeCount.newBuilder().setOutcomeValue(outcome).setCount(count)));
    return sum.builder.setLatency(counts(sum.latency)).build();
  }

  private static void add(SparseHistogram histogram, LatencyCounts counts) {
    for (int i = 0; i < counts.getIndexCount(); i++) {
      histogram.add(counts.getIndex(i), counts.getCount(i));
    }
  }

  private static LatencyCounts counts(SparseHistogram histogram) {
    LatencyCounts.Builder counts = LatencyCounts.newBuilder();
    for (int i = 0; i < histogram.buckets(); i++) {
      counts.addIndex(histogram.indexAt(i)).addCount(histogram.countAt(i));
    }
    return counts.build();
  }
}
