package dev.understudy.router.record;

import dev.understudy.proto.v1.ArmState;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.PairCell;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;

/**
 * All cells of this router, and the block that is cut from them each second: one message over all
 * arms. Any thread counts; one thread cuts.
 *
 * <p>A cell that has been quiet for a quarter of an hour, with every assigned request ended, is let
 * go. Between looking a cell up and counting in it a thread does nothing that can take that long
 * while the clock that cuts goes on.
 */
public final class Evidence {
  private static final int QUIET_CUTS = 900;

  private final String router;
  private final String bootId;
  private final int quietCuts;
  private final ConcurrentHashMap<CellKey, ArmCell> cells = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<PairKey, PairTallies> pairs = new ConcurrentHashMap<>();
  private long sequence;

  /** Evidence of one start of one router. */
  public Evidence(String router, String bootId) {
    this(router, bootId, QUIET_CUTS);
  }

  /** With another number of quiet cuts after which a cell is let go. */
  Evidence(String router, String bootId, int quietCuts) {
    this.router = router;
    this.bootId = bootId;
    this.quietCuts = quietCuts;
  }

  /** The cell to count in. */
  public ArmCell cell(CellKey key) {
    ArmCell cell = cells.get(key);
    return cell != null ? cell : cells.computeIfAbsent(key, ArmCell::new);
  }

  /** The tallies of mirrored calls to count in. */
  public PairTallies pairs(PairKey key) {
    PairTallies tallies = pairs.get(key);
    return tallies != null ? tallies : pairs.computeIfAbsent(key, PairTallies::new);
  }

  /** Everything since the last cut, as the block of the given second. */
  public EvidenceBlock cut(long second) {
    return cut(second, List.of());
  }

  /** The same, with the arms that could not be asked at some time of the second. */
  public EvidenceBlock cut(long second, List<ArmState> arms) {
    List<Cell> cut = new ArrayList<>();
    cells.forEach((key, cell) -> {
      Cell counts = cell.cut();
      if (counts != null) {
        cut.add(counts);
      } else if (cell.quietFor(quietCuts)) {
        cells.remove(key, cell);
      }
    });
    List<PairCell> cutPairs = new ArrayList<>();
    pairs.forEach((key, tallies) -> {
      PairCell counts = tallies.cut();
      if (counts != null) {
        cutPairs.add(counts);
      } else if (tallies.quietFor(quietCuts)) {
        pairs.remove(key, tallies);
      }
    });
    return EvidenceBlock.newBuilder()
        .setRouter(router)
        .setBootId(bootId)
        .setSequence(++sequence)
        .setSecond(second)
        .addAllCells(cut)
        .addAllPairs(cutPairs)
        .addAllArms(arms)
        .build();
  }

  /** How many cells are held. */
  public int size() {
    return cells.size() + pairs.size();
  }
}
