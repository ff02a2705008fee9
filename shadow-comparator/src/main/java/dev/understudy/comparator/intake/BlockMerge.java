package dev.understudy.comparator.intake;

import dev.understudy.evidence.latency.SparseHistogram;
import dev.understudy.proto.v1.ArmState;
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
import java.util.SortedMap;
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

  private record ArmKey(Role role, String model) {
    static final Comparator<ArmKey> ORDER =
        Comparator.comparing(ArmKey::role).thenComparing(ArmKey::model);
  }

  private static final class PairSum {
    final PairCell.Builder builder;
    final SparseHistogram latency = new SparseHistogram();

    PairSum(PairCell.Builder builder) {
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
    TreeMap<CellKey, CellSum> cells = new TreeMap<>(CellKey.ORDER);
    TreeMap<CellKey, PairSum> pairs = new TreeMap<>(CellKey.ORDER);
    TreeMap<ArmKey, ArmState.Builder> arms = new TreeMap<>(ArmKey.ORDER);
    for (EvidenceBlock block : blocks) {
      joined.addSources(
          BlockSource.newBuilder()
              .setRouter(block.getRouter())
              .setBootId(block.getBootId())
              .setSequence(block.getSequence()));
      for (Cell cell : block.getCellsList()) {
        if (cell.getRolloutId().equals(rolloutId)) {
          cells.computeIfAbsent(CellKey.of(cell), k -> new CellSum(head(cell))).add(cell);
        }
      }
      for (PairCell cell : block.getPairsList()) {
        if (cell.getRolloutId().equals(rolloutId)) {
          add(pairs.computeIfAbsent(CellKey.of(cell), k -> new PairSum(head(cell))), cell);
        }
      }
      for (ArmState arm : block.getArmsList()) {
        if (arm.getRolloutId().equals(rolloutId)) {
          arms.merge(new ArmKey(arm.getRole(), arm.getModel()), arm.toBuilder(), BlockMerge::max);
        }
      }
    }
    SliceBound bound = SliceBound.of(cells.values());
    cells.values().forEach(sum -> joined.addCells(sum.finish(bound)));
    pairs.values().forEach(sum -> joined.addPairs(sum.builder.setCopyLatency(counts(sum.latency))));
    arms.values().forEach(joined::addArms);
    return joined
        .setRouters((int) blocks.stream().map(EvidenceBlock::getRouter).distinct().count())
        .build();
  }

  /** Whether a block says anything of a rollout. */
  static boolean concerns(EvidenceBlock block, String rolloutId) {
    return block.getCellsList().stream().anyMatch(c -> c.getRolloutId().equals(rolloutId))
        || block.getPairsList().stream().anyMatch(c -> c.getRolloutId().equals(rolloutId))
        || block.getArmsList().stream().anyMatch(a -> a.getRolloutId().equals(rolloutId));
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

  private static void add(PairSum sum, PairCell cell) {
    PairCell.Builder to = sum.builder;
    to.setBothOk(to.getBothOk() + cell.getBothOk())
        .setOnlyChampionBad(to.getOnlyChampionBad() + cell.getOnlyChampionBad())
        .setOnlyCopyBad(to.getOnlyCopyBad() + cell.getOnlyCopyBad())
        .setBothBad(to.getBothBad() + cell.getBothBad())
        .setDropped(to.getDropped() + cell.getDropped());
    add(sum.latency, cell.getCopyLatency());
  }

  private static ArmState.Builder max(ArmState.Builder a, ArmState.Builder b) {
    return a.setBreakerOpenMs(Math.max(a.getBreakerOpenMs(), b.getBreakerOpenMs()))
        .setNotReadyMs(Math.max(a.getNotReadyMs(), b.getNotReadyMs()));
  }

  static void add(SparseHistogram histogram, LatencyCounts counts) {
    for (int i = 0; i < counts.getIndexCount(); i++) {
      histogram.add(counts.getIndex(i), counts.getCount(i));
    }
  }

  static LatencyCounts counts(SparseHistogram histogram) {
    LatencyCounts.Builder counts = LatencyCounts.newBuilder();
    for (int i = 0; i < histogram.buckets(); i++) {
      counts.addIndex(histogram.indexAt(i)).addCount(histogram.countAt(i));
    }
    return counts.build();
  }

  /** Outcomes in order, without zeros that nobody sent. */
  static void outcomes(SortedMap<Integer, Long> counts, Cell.Builder to) {
    counts.forEach((outcome, count) ->
        to.addOutcomes(OutcomeCount.newBuilder().setOutcomeValue(outcome).setCount(count)));
  }
}
