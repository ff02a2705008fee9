package dev.understudy.comparator.intake;

import dev.understudy.proto.v1.EvidenceLogRecord;
import java.util.List;

/** Who is told of records once they are on the disk. */
@FunctionalInterface
public interface RecordSink {
  /** Takes records of one rollout, in sequence; may make the caller wait. */
  void accept(String rolloutId, List<EvidenceLogRecord> records);

  /** The log of this rollout has been removed. */
  default void removed(String rolloutId) {}
}
