package dev.understudy.router.call;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What a principal may do with the models of its scope. */
public enum CallerRole {
  /** Send inference requests. */
  INFER,
  /** Ask for metadata, configuration, statistics and readiness. */
  METADATA,
  /** Choose an arm by header; such calls are never evidence. */
  TESTER;

  /** The role of a name as configurations and tokens write it; null if there is none. */
  public static @Nullable CallerRole named(String name) {
    for (CallerRole role : values()) {
      if (role.word().equals(name)) {
        return role;
      }
    }
    return null;
  }

  /** As configurations and tokens write it. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
