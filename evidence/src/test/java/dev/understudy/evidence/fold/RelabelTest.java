package dev.understudy.evidence.fold;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.ArmState;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class RelabelTest {
  private static final int SHARE = 1_000;

  private static EvaluationSpec.Builder drill(boolean liveControl) {
    return Logs.spec(Logs.failures(), Logs.latency())
        .setChallengerVersion("7")
        .setDrill(true)
        .setLiveControl(liveControl);
  }

  /** Traffic of one version, with a stall of all arms now and then. */
  private static Logs log(int seconds, boolean liveControl, double canaryBad) {
    Logs logs = new Logs().add(drill(liveControl));
    var random = new SplittableRandom(11);
    for (int i = 0; i < seconds; i++) {
      boolean stall = i % 20 >= 17;
      logs.traffic(
          random,
          SHARE,
          liveControl ? SHARE : 0,
          300,
          stall ? 0.2 : canaryBad,
          stall ? 0.2 : 0.01,
          stall ? 6 : 1);
    }
    return logs;
  }

  @Test
  void copiesOfTrafficWithoutDifferenceAreStoppedAsSeldomAsPromised() {
    for (boolean liveControl : new boolean[] {true, false}) {
      Relabelled found = Relabel.measure(log(60, liveControl, 0.01).records(), 100, 5);
      assertEquals(
          liveControl ? Relabel.Method.SWAPPED_SECONDS : Relabel.Method.REDRAWN_FAILURES,
          found.method());
      assertEquals(60, found.seconds());
      assertEquals(0, found.untouched());
      assertEquals(0.01, found.alpha());
      assertTrue(found.stopped() <= 4, found.toString());
      assertTrue(found.keepsThePromise(), found.toString());
      assertTrue(found.low() <= found.share() && found.share() <= found.high(), found.toString());
    }
  }

  @Test
  void differenceBetweenCanaryAndControlIsInNoCopy() {
    Logs logs = new Logs().add(drill(true));
    var random = new SplittableRandom(11);
    for (int i = 0; i < 60; i++) {
      logs.traffic(random, SHARE, SHARE, 300, 0.01, 0.01, 3);
    }
    Relabelled found = Relabel.measure(logs.records(), 50, 5);
    assertTrue(found.peakLogAgainst() > Math.log(100), "the log itself: " + found);
    assertTrue(Logs.fold(logs.records()).against());
    assertTrue(found.stopped() <= 3, "its copies: " + found);
  }

  @Test
  void differenceOfBothFromTheChampionIsInEveryCopy() {
    Logs logs = new Logs().add(drill(true));
    for (int i = 0; i < 60; i++) {
      logs.block(
          Logs.cell(Role.CANARY, SHARE, SHARE, 20, 10),
          Logs.cell(Role.CONTROL, SHARE, SHARE, 20, 10),
          Logs.cell(Role.CHAMPION, SHARE, SHARE, 240, 0));
    }
    assertEquals(20, Relabel.measure(logs.records(), 20, 5).stopped());
  }

  @Test
  void sameSeedGivesTheSameCopiesAndAnotherSeedOthers() {
    List<EvidenceLogRecord> records = log(30, true, 0.01).records();
    for (Relabel.Method method : Relabel.Method.values()) {
      List<EvidenceLogRecord> from =
          method == Relabel.Method.SWAPPED_SECONDS ? records : log(30, false, 0.01).records();
      assertEquals(Relabel.copy(from, method, 1, 2), Relabel.copy(from, method, 1, 2));
      assertNotEquals(Relabel.copy(from, method, 1, 2), Relabel.copy(from, method, 1, 3));
      assertNotEquals(Relabel.copy(from, method, 1, 2), Relabel.copy(from, method, 2, 2));
    }
    assertEquals(Relabel.measure(records, 20, 1), Relabel.measure(records, 20, 1));
  }

  @Test
  void secondsSwapCanaryAndControlWholeAndLeaveTheChampion() {
    List<EvidenceLogRecord> records = log(200, true, 0.01).records();
    List<EvidenceLogRecord> copy = Relabel.copy(records, Relabel.Method.SWAPPED_SECONDS, 1, 1);
    int swapped = 0;
    for (int i = 1; i < records.size(); i++) {
      Cell before = only(records.get(i).getBlock(), Role.CANARY);
      Cell after = only(copy.get(i).getBlock(), Role.CANARY);
      boolean isSwapped = !after.equals(before);
      if (isSwapped) {
        swapped++;
        assertEquals(
            only(records.get(i).getBlock(), Role.CONTROL).toBuilder().setRole(Role.CANARY).build(),
            after);
        assertEquals(
            before.toBuilder().setRole(Role.CONTROL).build(),
            only(copy.get(i).getBlock(), Role.CONTROL));
      }
      assertEquals(
          only(records.get(i).getBlock(), Role.CHAMPION),
          only(copy.get(i).getBlock(), Role.CHAMPION));
    }
    assertTrue(swapped > 70 && swapped < 130, "a fair coin: " + swapped);
  }

  @Test
  void outageOfAnArmGoesWithItsSecond() {
    Logs logs = new Logs().add(drill(true));
    JoinedBlock block =
        JoinedBlock.newBuilder()
            .setSecond(1)
            .addCells(Logs.cell(Role.CANARY, SHARE, SHARE, 10, 0))
            .addCells(Logs.cell(Role.CONTROL, SHARE, SHARE, 12, 0))
            .addArms(ArmState.newBuilder().setRole(Role.CANARY).setNotReadyMs(900))
            .build();
    for (int i = 0; i < 40; i++) {
      logs.add(EvidenceLogRecord.newBuilder().setBlock(block));
    }
    for (EvidenceLogRecord record :
        Relabel.copy(logs.records(), Relabel.Method.SWAPPED_SECONDS, 3, 0)) {
      if (record.hasBlock()) {
        boolean swapped = only(record.getBlock(), Role.CANARY).getAssigned() == 12;
        assertEquals(swapped ? Role.CONTROL : Role.CANARY, record.getBlock().getArms(0).getRole());
      }
    }
  }

  @Test
  void redrawnOutcomesKeepTheirSums() {
    List<EvidenceLogRecord> records = log(40, false, 0.01).records();
    List<EvidenceLogRecord> copy = Relabel.copy(records, Relabel.Method.REDRAWN_FAILURES, 1, 1);
    long canary = 0;
    long all = 0;
    for (int i = 1; i < records.size(); i++) {
      assertEquals(sums(records.get(i).getBlock()), sums(copy.get(i).getBlock()));
      canary += only(copy.get(i).getBlock(), Role.CANARY).getAssigned();
      all += 300;
    }
    assertTrue(Math.abs((double) canary / all - 0.1) < 0.015, canary + " of " + all);
  }

  private static Map<Integer, Long> sums(JoinedBlock block) {
    TreeMap<Integer, Long> sums = new TreeMap<>();
    for (Cell cell : block.getCellsList()) {
      sums.merge(-1, cell.getAssigned(), Long::sum);
      for (OutcomeCount outcome : cell.getOutcomesList()) {
        if (outcome.getCount() > 0) {
          sums.merge(outcome.getOutcomeValue(), outcome.getCount(), Long::sum);
        }
      }
    }
    return sums;
  }

  private static Cell only(JoinedBlock block, Role role) {
    return block.getCellsList().stream()
        .filter(cell -> cell.getRole() == role)
        .findFirst()
        .orElse(Cell.getDefaultInstance());
  }

  @Test
  void logThatCannotBeRelabelledIsRefusedWithTheReason() {
    List<EvidenceLogRecord> none = List.of();
    assertTrue(refusal(none).contains("first record: no spec"));
    assertTrue(
        refusal(new Logs().add(drill(true).setChallengerVersion("8")).records())
            .contains("only a version against itself"));
    assertTrue(
        refusal(new Logs().add(drill(true).setUnit(RandomisationUnit.KEY)).records())
            .contains("unit: KEY"));
    assertTrue(refusal(new Logs().add(drill(true)).records()).contains("seconds to relabel: 0"));
    var unequal = new Logs().add(drill(true));
    unequal.block(Logs.cell(Role.CANARY, SHARE, 0, 10, 0));
    assertTrue(refusal(unequal.records()).contains("a control of its share"));
  }

  private static String refusal(List<EvidenceLogRecord> records) {
    return String.valueOf(
        assertThrows(IllegalArgumentException.class, () -> Relabel.measure(records, 10, 1))
            .getMessage());
  }

  @Test
  void intervalIsTheExactOne() {
    List<double[]> known = new ArrayList<>();
    // Hits, trials, and both ends from the beta quantiles (Clopper and Pearson).
    known.add(new double[] {0, 10, 0, 0.3085});
    known.add(new double[] {10, 10, 0.6915, 1});
    known.add(new double[] {4, 1_000, 0.00109, 0.01021});
    known.add(new double[] {5, 10, 0.1871, 0.8129});
    for (double[] row : known) {
      BinomialInterval interval = BinomialInterval.of((int) row[0], (int) row[1]);
      assertEquals(row[2], interval.low(), 5e-5);
      assertEquals(row[3], interval.high(), 5e-5);
    }
    Relabelled bad =
        new Relabelled(Relabel.Method.SWAPPED_SECONDS, 1_000, 40, 0.029, 0.054, 0.01, 9, 0, 0);
    assertFalse(bad.keepsThePromise());
  }
}
