package dev.understudy.comparator.intake;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * Which logs have had their time. Only those of stopped evaluations go: first all whose last record
 * is too old, then the oldest until all logs together are small enough.
 *
 * @param age of the last record, above which a log goes
 * @param bytes of all logs, above which the oldest go
 */
public record Retention(Duration age, long bytes) {

  /** Ids of the rollouts whose logs are to be removed, oldest first. */
  List<String> expired(Map<String, RolloutLog> rollouts, long nowUnixMs) {
    List<Map.Entry<String, RolloutLog>> stopped =
        rollouts.entrySet().stream()
            .filter(entry -> entry.getValue().spec() != null && !entry.getValue().open())
            .sorted(
                Comparator.comparingLong(
                        (Map.Entry<String, RolloutLog> entry) -> entry.getValue().latestUnixMs())
                    .thenComparing(Map.Entry::getKey))
            .toList();
    long total = rollouts.values().stream().mapToLong(rollout -> rollout.log().bytes()).sum();
    List<String> expired = new ArrayList<>();
    for (Map.Entry<String, RolloutLog> entry : stopped) {
      boolean old = nowUnixMs - entry.getValue().latestUnixMs() > age.toMillis();
      if (old || total > bytes) {
        expired.add(entry.getKey());
        total -= entry.getValue().log().bytes();
      }
    }
    return expired;
  }
}
