package dev.understudy.modelserver.repository;

import dev.understudy.proto.inference.ModelVersionPolicy;
import java.util.NavigableSet;
import java.util.TreeSet;

/** Which versions of a model are served. Pure. */
final class VersionPolicy {
  private VersionPolicy() {}

  /**
   * Chooses versions.
   *
   * @param onDisk the versions that exist
   * @return the versions to serve; with {@code specific} also those that do not exist
   */
  static NavigableSet<Long> choose(ModelVersionPolicy policy, NavigableSet<Long> onDisk) {
    return switch (policy.getPolicyChoiceCase()) {
      case ALL -> new TreeSet<>(onDisk);
      case SPECIFIC -> new TreeSet<>(policy.getSpecific().getVersionsList());
      case LATEST, POLICYCHOICE_NOT_SET -> {
        long count = Math.max(1, Integer.toUnsignedLong(policy.getLatest().getNumVersions()));
        NavigableSet<Long> latest = new TreeSet<>();
        onDisk.stream()
            .sorted(java.util.Comparator.reverseOrder())
            .limit(count)
            .forEach(latest::add);
        yield latest;
      }
    };
  }
}
