package dev.understudy.rollout.plan;

import dev.understudy.proto.v1.Step;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Steps and times for those who do not want to choose. A preset also lets a plan leave out its
 * intent, which is then the stricter one: equivalent.
 */
enum Preset {
  /** A day at most in each step, ten minutes at least; small shares first. */
  SAFE_DEFAULT("safe-default", Duration.ofMinutes(10)) {
    @Override
    List<Step> steps() {
      return List.of(
          slow().setSetMirrorBp(10_000).setMinSamples(1_000).build(),
          slow().setSetWeightBp(100).build(),
          slow().setSetWeightBp(500).build(),
          slow().setSetWeightBp(2_500).build(),
          slow().setSetWeightBp(5_000).build());
    }
  };

  private final String key;
  private final Duration watch;

  Preset(String key, Duration watch) {
    this.key = key;
    this.watch = watch;
  }

  abstract List<Step> steps();

  Duration watch() {
    return watch;
  }

  static @Nullable Preset named(String name) {
    for (Preset preset : values()) {
      if (preset.key.equals(name)) {
        return preset;
      }
    }
    return null;
  }

  static String names() {
    return String.join(", ", java.util.Arrays.stream(values()).map(p -> p.key).toList());
  }

  private static Step.Builder slow() {
    return Step.newBuilder()
        .setMinDurationMs(Duration.ofMinutes(10).toMillis())
        .setMaxDurationMs(Duration.ofDays(1).toMillis())
        .setMinSamples(200);
  }
}
