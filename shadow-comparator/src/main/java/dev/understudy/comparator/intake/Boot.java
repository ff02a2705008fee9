package dev.understudy.comparator.intake;

import dev.understudy.proto.v1.BlockSource;
import dev.understudy.proto.v1.EvidenceBlock;
import java.util.Comparator;

/** One start of one router: blocks are numbered within it. */
record Boot(String router, String bootId) implements Comparable<Boot> {
  private static final Comparator<Boot> ORDER =
      Comparator.comparing(Boot::router).thenComparing(Boot::bootId);

  static Boot of(EvidenceBlock block) {
    return new Boot(block.getRouter(), block.getBootId());
  }

  static Boot of(BlockSource source) {
    return new Boot(source.getRouter(), source.getBootId());
  }

  @Override
  public int compareTo(Boot other) {
    return ORDER.compare(this, other);
  }
}
