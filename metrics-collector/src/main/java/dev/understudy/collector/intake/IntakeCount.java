package dev.understudy.collector.intake;

/** What the intake counts since the start. */
public enum IntakeCount {
  /** Records of calls that were stored. */
  LINEAGE_STORED,
  /** Batches that had been stored before. */
  LINEAGE_DUPLICATE_BATCHES,
  /** Records that routers say they had no room for. */
  LINEAGE_LOST_BY_ROUTERS,
  /** Batches that a router never sent, seen by the numbers of those around them. */
  LINEAGE_BATCHES_MISSING,
  /** Records whose prediction id is not a UUID. */
  MALFORMED,
  /** Payloads that were stored. */
  PAYLOADS_STORED,
  /** Payloads that found the queue full or could not be stored. */
  PAYLOADS_DROPPED,
  /** Messages with histograms. */
  HISTOGRAM_MESSAGES
}
