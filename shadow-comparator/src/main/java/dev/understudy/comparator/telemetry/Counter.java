package dev.understudy.comparator.telemetry;

/** What is counted; exported as {@code comparator_NAME_total}. */
public enum Counter {
  /** Evidence blocks that were taken. */
  BLOCKS("Evidence blocks taken"),
  /** Evidence blocks that had come before. */
  BLOCKS_DUPLICATE("Evidence blocks that had come before"),
  /** Seconds of a rollout that came after a later second of it was in the log. */
  BLOCKS_LATE("Seconds that came after a later one of the same rollout"),
  /** Evidence blocks of a second that our clock has not reached yet. */
  BLOCKS_FUTURE("Evidence blocks from a router whose clock is ahead"),
  /** Evidence blocks that routers no longer held. */
  BLOCKS_LOST("Evidence blocks that routers no longer held"),
  /** Cells of rollouts that are not known or have been stopped. */
  CELLS_UNKNOWN("Cells of rollouts that are not judged"),
  /** Cells that cannot be counted. */
  CELLS_REFUSED("Cells that cannot be counted"),
  /** Comparisons that were received. */
  COMPARISONS("Comparisons received"),
  /** Comparisons dropped because the queue was full, or because the disk was. */
  COMPARISONS_DROPPED("Comparisons dropped"),
  /** Comparisons of rollouts or versions that are not judged. */
  COMPARISONS_UNKNOWN("Comparisons of rollouts or versions that are not judged"),
  /** Copies whose mirrored control, or the other way round, did not come in time. */
  COMPARISONS_UNMATCHED("Copies without the control's answer to the same request"),
  /** Pairs of outputs that were not tested, because their tolerance was still being learned. */
  COMPARISONS_UNTESTED("Pairs whose tolerance was still being learned"),
  /** Outcomes that were received. */
  LABELS("Outcomes received"),
  /** Outcomes that had come before. */
  LABELS_DUPLICATE("Outcomes that had come before"),
  /** Outcomes of rollouts that are not judged. */
  LABELS_UNKNOWN("Outcomes of rollouts that are not judged"),
  /** Outcomes that are too large to be kept. */
  LABELS_REFUSED("Outcomes too large to be kept"),
  /** Tallies that workers brought. */
  TALLIES("Tallies received from workers"),
  /** Tallies that had come before. */
  TALLIES_DUPLICATE("Tallies that had come before"),
  /** Tallies of rollouts that are not judged. */
  TALLIES_UNKNOWN("Tallies of rollouts that are not judged"),
  /** Tallies that cannot be counted. */
  TALLIES_REFUSED("Tallies that cannot be counted"),
  /** Tallies that this worker gave up because too many waited for the judge. */
  TALLIES_DROPPED("Tallies given up because too many waited for the judge"),
  /** Logs that were removed because they were too old, or all together too large. */
  LOGS_EXPIRED("Logs of stopped evaluations removed by retention"),
  /** Writes to a log that failed. */
  WRITE_FAILURES("Writes to a log that failed");

  private final String text;

  Counter(String text) {
    this.text = text;
  }

  /** A description for people. */
  public String text() {
    return text;
  }
}
