package dev.understudy.chassis.lifecycle;

import dev.understudy.chassis.config.ConfigException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The command line of a service: {@code --config FILE}, {@code --check-config}, {@code --ready-file
 * FILE}, {@code --log-level LEVEL}, and options of the service's own, which it asks for by name.
 * Options are written {@code --name value} or {@code --name=value}. For one thread.
 */
public final class ServiceArguments {
  private final List<String> unclaimed;
  private final @Nullable Path config;
  private final boolean checkConfig;
  private final @Nullable Path readyFile;
  private final String logLevel;

  private ServiceArguments(List<String> words) {
    unclaimed = new ArrayList<>(words);
    config = pathOrNull(option("--config"));
    readyFile = pathOrNull(option("--ready-file"));
    String level = option("--log-level");
    logLevel = level == null ? "info" : level;
    checkConfig = flag("--check-config");
  }

  /**
   * Reads a command line.
   *
   * @throws ConfigException if an option lacks its value
   */
  public static ServiceArguments parse(String... words) {
    return new ServiceArguments(List.of(words));
  }

  /** The configuration file, or null if none was given. */
  public @Nullable Path config() {
    return config;
  }

  /** The configuration file, for a service that cannot do without. */
  public Path requiredConfig() {
    if (config == null) {
      throw new ConfigException("--config is missing (expected: --config FILE)");
    }
    return config;
  }

  /** Whether the configuration is only to be checked. */
  public boolean checkConfig() {
    return checkConfig;
  }

  /** Where to say that the service is ready, or null. */
  public @Nullable Path readyFile() {
    return readyFile;
  }

  /** The level of the log: error, warn, info, debug or trace. */
  public String logLevel() {
    return logLevel;
  }

  /** The last value of an option such as {@code --grpc-port}, or null; claims the option. */
  public @Nullable String option(String name) {
    List<String> values = options(name);
    return values.isEmpty() ? null : values.getLast();
  }

  /** All values of an option that may be repeated; claims the option. */
  public List<String> options(String name) {
    List<String> values = new ArrayList<>();
    for (int i = 0; i < unclaimed.size(); ) {
      String word = unclaimed.get(i);
      if (word.equals(name)) {
        if (i + 1 == unclaimed.size()) {
          throw new ConfigException(name + " lacks its value (expected: " + name + " VALUE)");
        }
        values.add(unclaimed.get(i + 1));
        unclaimed.subList(i, i + 2).clear();
      } else if (word.startsWith(name + "=")) {
        values.add(word.substring(name.length() + 1));
        unclaimed.remove(i);
      } else {
        i++;
      }
    }
    return List.copyOf(values);
  }

  /** Whether a word such as {@code --verbose} is there; claims it. */
  public boolean flag(String name) {
    return unclaimed.removeIf(name::equals);
  }

  /**
   * Refuses what nobody has claimed.
   *
   * @throws ConfigException with one line for each word
   */
  public void refuseUnclaimed() {
    if (!unclaimed.isEmpty()) {
      throw new ConfigException(
          unclaimed.stream().map(word -> "unknown argument: " + word).toList());
    }
  }

  private static @Nullable Path pathOrNull(@Nullable String text) {
    return text == null ? null : Path.of(text);
  }
}
