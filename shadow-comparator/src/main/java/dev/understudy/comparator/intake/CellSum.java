package dev.understudy.comparator.intake;

import dev.understudy.evidence.latency.SparseHistogram;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.SliceCell;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.StageSums;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/** Cells with one key, added up. Not thread-safe. */
final class CellSum {
  private static final int MOST_NODES = 16;

  /** One slice of the cell. */
  static final class Slice {
    long ok;
    long bad;
    final SparseHistogram latency = new SparseHistogram();

    void add(SliceCell more) {
      ok += more.getOk();
      bad += more.getBad();
      BlockMerge.add(latency, more.getLatency());
    }

    void add(Slice more) {
      ok += more.ok;
      bad += more.bad;
      latency.merge(more.latency);
    }
  }

  private final Cell.Builder cell;
  private final TreeMap<Integer, Long> outcomes = new TreeMap<>();
  private final SparseHistogram latency = new SparseHistogram();
  private final TreeMap<SliceLabel, Slice> slices = new TreeMap<>(SliceBound.ORDER);
  private final TreeSet<String> nodes = new TreeSet<>();
  private final StageSums.Builder stages = StageSums.newBuilder();

  /**
   * @param head a cell that has its key and no counts
   */
  CellSum(Cell.Builder head) {
    this.cell = head;
  }

  void add(Cell more) {
    cell.setAssigned(cell.getAssigned() + more.getAssigned())
        .setRescued(cell.getRescued() + more.getRescued())
        .setLeftOut(cell.getLeftOut() + more.getLeftOut())
        .addAllFirstSeenKeys(more.getFirstSeenKeysList())
        .addAllFirstBadKeys(more.getFirstBadKeysList());
    if (Integer.compareUnsigned(more.getLongestBadRun(), cell.getLongestBadRun()) > 0) {
      cell.setLongestBadRun(more.getLongestBadRun());
    }
    long first = more.getFirstBadUnixMs();
    if (first != 0 && (cell.getFirstBadUnixMs() == 0 || first < cell.getFirstBadUnixMs())) {
      cell.setFirstBadUnixMs(first);
    }
    for (OutcomeCount outcome : more.getOutcomesList()) {
      outcomes.merge(outcome.getOutcomeValue(), outcome.getCount(), Long::sum);
    }
    BlockMerge.add(latency, more.getLatency());
    for (SliceCell slice : more.getSlicesList()) {
      slices.computeIfAbsent(slice.getLabel(), label -> new Slice()).add(slice);
    }
    nodes.addAll(more.getNodesList());
    add(more.getStages());
  }

  private void add(StageSums more) {
    stages
        .setCalls(stages.getCalls() + more.getCalls())
        .setNetworkMicros(stages.getNetworkMicros() + more.getNetworkMicros())
        .setQueueMicros(stages.getQueueMicros() + more.getQueueMicros())
        .setBatchWaitMicros(stages.getBatchWaitMicros() + more.getBatchWaitMicros())
        .setComputeMicros(stages.getComputeMicros() + more.getComputeMicros())
        .setBatchRows(stages.getBatchRows() + more.getBatchRows());
  }

  SortedMap<SliceLabel, Slice> slices() {
    return slices;
  }

  Cell finish(SliceBound bound) {
    BlockMerge.outcomes(outcomes, cell);
    TreeMap<SliceLabel, Slice> kept = new TreeMap<>(SliceBound.ORDER);
    slices.forEach(
        (label, slice) -> kept.computeIfAbsent(bound.label(label), l -> new Slice()).add(slice));
    kept.forEach((label, slice) ->
        cell.addSlices(
            SliceCell.newBuilder()
                .setLabel(label)
                .setOk(slice.ok)
                .setBad(slice.bad)
                .setLatency(BlockMerge.counts(slice.latency))));
    nodes.stream().limit(MOST_NODES).forEach(cell::addNodes);
    if (stages.getCalls() > 0) {
      cell.setStages(stages);
    }
    return cell.setLatency(BlockMerge.counts(latency)).build();
  }
}
