package dev.understudy.evidence.fold;

import dev.understudy.evidence.latency.SparseHistogram;
import dev.understudy.proto.v1.ArmReport;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.PairCell;
import dev.understudy.proto.v1.Role;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Sums per arm over the whole log, for display, and the sums of pairs. An arm is a role and a
 * version: after the promotion another version is champion, and what the one before it did is not
 * what it did.
 */
final class ArmTotals {
  private static final class Arm {
    final ArmReport.Builder report = ArmReport.newBuilder();
    final SparseHistogram latency = new SparseHistogram();
    final TreeMap<Integer, Long> outcomes = new TreeMap<>();
  }

  private record Key(Role role, String version) {}

  private final Map<Key, Arm> arms =
      new TreeMap<>(Comparator.comparing(Key::role).thenComparing(Key::version));
  private long pairs;
  private long dropped;
  private long copyBad;
  private long championBad;
  private long bothBad;

  void block(JoinedBlock block) {
    block.getCellsList().forEach(this::add);
    block.getPairsList().forEach(this::add);
  }

  private Arm arm(Role role, String version) {
    Arm arm = arms.computeIfAbsent(new Key(role, version), key -> new Arm());
    arm.report.setRole(role).setVersion(version);
    return arm;
  }

  private void add(Cell cell) {
    if (cell.getRole() == Role.UNRECOGNIZED) {
      return;
    }
    Arm arm = arm(cell.getRole(), cell.getVersion());
    ArmReport.Builder sum = arm.report;
    sum.setAssigned(sum.getAssigned() + cell.getAssigned())
        .setOk(sum.getOk() + BlockView.ok(cell.getOutcomesList()))
        .setBad(sum.getBad() + BlockView.bad(cell.getOutcomesList()))
        .setCensored(sum.getCensored() + BlockView.censored(cell.getOutcomesList()))
        .setRescued(sum.getRescued() + cell.getRescued())
        .setLeftOut(sum.getLeftOut() + cell.getLeftOut())
        .setLongestBadRun(
            Math.max(sum.getLongestBadRun(), Integer.toUnsignedLong(cell.getLongestBadRun())));
    for (OutcomeCount outcome : cell.getOutcomesList()) {
      arm.outcomes.merge(outcome.getOutcomeValue(), outcome.getCount(), Long::sum);
    }
    BlockView.addTo(arm.latency, cell.getLatency());
    long first = cell.getFirstBadUnixMs();
    if (first != 0 && (sum.getFirstBadUnixMs() == 0 || first < sum.getFirstBadUnixMs())) {
      sum.setFirstBadUnixMs(first);
    }
  }

  private void add(PairCell cell) {
    if (cell.getRole() == Role.UNRECOGNIZED) {
      return;
    }
    Arm arm = arm(cell.getRole(), cell.getVersion());
    long ok = cell.getBothOk() + cell.getOnlyChampionBad();
    long bad = cell.getBothBad() + cell.getOnlyCopyBad();
    arm.report
        .setAssigned(arm.report.getAssigned() + ok + bad)
        .setOk(arm.report.getOk() + ok)
        .setBad(arm.report.getBad() + bad);
    BlockView.addTo(arm.latency, cell.getCopyLatency());
    if (cell.getRole() == Role.SHADOW) {
      pairs += ok + bad;
      dropped += cell.getDropped();
      copyBad += cell.getOnlyCopyBad();
      championBad += cell.getOnlyChampionBad();
      bothBad += cell.getBothBad();
    }
  }

  /** Mirrored calls to the challenger whose outcomes are known. */
  long pairs() {
    return pairs;
  }

  long dropped() {
    return dropped;
  }

  long onlyCopyBad() {
    return copyBad;
  }

  long onlyChampionBad() {
    return championBad;
  }

  long bothBad() {
    return bothBad;
  }

  List<ArmReport> reports() {
    return arms.values().stream().map(ArmTotals::report).toList();
  }

  private static ArmReport report(Arm arm) {
    ArmReport.Builder report = arm.report.clone();
    arm.outcomes.forEach((outcome, count) ->
        report.addOutcomes(OutcomeCount.newBuilder().setOutcomeValue(outcome).setCount(count)));
    LatencyCounts.Builder latency = LatencyCounts.newBuilder();
    for (int i = 0; i < arm.latency.buckets(); i++) {
      latency.addIndex(arm.latency.indexAt(i)).addCount(arm.latency.countAt(i));
    }
    return report.setLatency(latency).build();
  }
}
