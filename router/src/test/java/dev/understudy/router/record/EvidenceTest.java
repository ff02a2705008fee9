package dev.understudy.router.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.Role;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class EvidenceTest {
  private static CellKey key(Role role, int bp) {
    return new CellKey("r", "m", 1, bp, 0, role, "1");
  }

  @Test
  void noCountIsLostOrDoubledWhileBlocksAreCut() throws InterruptedException {
    // Blocks are cut without a pause here, so quiet cells are no sign of a quarter of an hour.
    Evidence evidence = new Evidence("router", "boot", Integer.MAX_VALUE);
    AtomicBoolean running = new AtomicBoolean(true);
    List<EvidenceBlock> blocks = new ArrayList<>();
    Thread cutter =
        Thread.ofPlatform()
            .start(() -> {
              long second = 0;
              while (running.get()) {
                blocks.add(evidence.cut(second++));
              }
            });
    int threads = 3;
    int each = 100_000;
    Thread[] workers = new Thread[threads];
    for (int t = 0; t < threads; t++) {
      workers[t] =
          Thread.ofPlatform()
              .start(() -> {
                for (int i = 0; i < each; i++) {
                  ArmCell cell =
                      evidence.cell(
                          key(i % 2 == 0 ? Role.CHAMPION : Role.CANARY, i / 25_000 * 100));
                  cell.assigned();
                  cell.ended(i % 5 == 0 ? Outcome.BAD_INTERNAL : Outcome.OK, i, 1000 + i);
                }
              });
    }
    for (Thread worker : workers) {
      worker.join();
    }
    running.set(false);
    cutter.join();
    blocks.add(evidence.cut(-1));
    long assigned = 0;
    long ended = 0;
    long bad = 0;
    long measured = 0;
    for (int i = 0; i < blocks.size(); i++) {
      assertEquals(i + 1L, blocks.get(i).getSequence());
      for (Cell cell : blocks.get(i).getCellsList()) {
        assigned += cell.getAssigned();
        for (OutcomeCount outcome : cell.getOutcomesList()) {
          ended += outcome.getCount();
          bad += outcome.getOutcome() == Outcome.BAD_INTERNAL ? outcome.getCount() : 0;
        }
        for (long count : cell.getLatency().getCountList()) {
          measured += count;
        }
      }
      assertTrue(ended <= assigned, "nothing ends before it is assigned");
    }
    long all = (long) threads * each;
    assertEquals(all, assigned);
    assertEquals(all, ended);
    assertEquals(all, measured);
    assertEquals(all / 5, bad);
    // Cells that have been idle for many cuts are gone again; there were never more than keys.
    assertTrue(evidence.size() <= 8, "cells: " + evidence.size());
  }

  @Test
  void runsOfBadOutcomesGoOnAcrossSeconds() {
    Evidence evidence = new Evidence("router", "boot");
    ArmCell cell = evidence.cell(key(Role.CANARY, 100));
    for (int i = 0; i < 3; i++) {
      cell.assigned();
      cell.ended(Outcome.BAD_UNAVAILABLE, 5, 77 + i);
    }
    Cell first = evidence.cut(1).getCells(0);
    assertEquals(3, first.getLongestBadRun());
    assertEquals(77, first.getFirstBadUnixMs());
    cell.assigned();
    cell.ended(Outcome.BAD_UNAVAILABLE, 5, 90);
    cell.assigned();
    cell.ended(Outcome.OK, 5, 91);
    Cell second = evidence.cut(2).getCells(0);
    assertEquals(4, second.getLongestBadRun());
    assertEquals(90, second.getFirstBadUnixMs());
    cell.assigned();
    cell.ended(Outcome.OK, 5, 92);
    Cell third = evidence.cut(3).getCells(0);
    assertEquals(0, third.getLongestBadRun());
    assertEquals(0, third.getFirstBadUnixMs());
  }

  @Test
  void quietCellsAreLetGoOnceAllHasEnded() {
    Evidence evidence = new Evidence("router", "boot");
    evidence.cell(key(Role.CHAMPION, 0)).assigned();
    ArmCell done = evidence.cell(key(Role.CANARY, 0));
    done.assigned();
    done.ended(Outcome.OK, 1, 1);
    for (int second = 0; second < 1000; second++) {
      evidence.cut(second);
    }
    assertEquals(1, evidence.size(), "the one with a request under way stays");
  }

  @Test
  void aKeyCountsOnceAndOverflowThinsEverywhereAlike() {
    Evidence evidence = new Evidence("router", "boot");
    KeyLedger one = new KeyLedger(100);
    KeyLedger other = new KeyLedger(100);
    ArmCell a = evidence.cell(key(Role.CANARY, 1));
    ArmCell b = evidence.cell(key(Role.CANARY, 2));
    for (long i = 0; i < 5000; i++) {
      one.seen("r", i * 7919, a);
      one.seen("r", i * 7919, a);
      other.seen("r", (4999 - i) * 7919, b);
    }
    assertTrue(one.size() <= 100 && one.size() > 20, "" + one.size());
    assertEquals(one.size(), other.size(), "the order of arrival does not matter");
    one.bad("r", 0, a);
    one.bad("r", 0, a);
    EvidenceBlock block = evidence.cut(1);
    Set<Long> seen = new HashSet<>();
    for (Cell cell : block.getCellsList()) {
      if (cell.getCanaryWeightBp() == 1) {
        for (long key : cell.getFirstSeenKeysList()) {
          assertTrue(seen.add(key), "seen twice: " + key);
        }
        assertTrue(cell.getFirstBadKeysCount() <= 1);
      }
    }
  }
}
