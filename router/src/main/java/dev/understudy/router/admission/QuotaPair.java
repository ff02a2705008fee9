package dev.understudy.router.admission;

import dev.understudy.chassis.config.Section;
import org.jspecify.annotations.Nullable;

/**
 * What may be asked for in requests and in bytes of request messages.
 *
 * @param requests null for no limit
 * @param bytes null for no limit
 */
public record QuotaPair(@Nullable Quota requests, @Nullable Quota bytes) {
  /** No limit at all. */
  public static final QuotaPair NONE = new QuotaPair(null, null);

  static QuotaPair read(Section section) {
    return new QuotaPair(Quota.requests(section), Quota.bytes(section));
  }

  /** Reads a section that must say something. */
  static QuotaPair required(Section section) {
    QuotaPair pair = read(section);
    if (pair.equals(NONE)) {
      section.problem("requestsPerSecond", "missing (expected: this or bytesPerSecond)");
    }
    return pair;
  }
}
