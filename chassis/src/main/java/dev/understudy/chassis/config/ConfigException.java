package dev.understudy.chassis.config;

import java.util.List;

/**
 * A configuration that cannot be used. It lists every problem that was found, one line each, in the
 * order of the file: {@code router.yaml:12: server.port: 70000 (expected: 0..65535)}.
 */
public final class ConfigException extends RuntimeException {
  private final List<String> problems;

  /** Reports one problem that has no line. */
  public ConfigException(String problem) {
    this(List.of(problem));
  }

  /** Reports at least one problem. */
  public ConfigException(List<String> problems) {
    super(String.join("\n", problems), null, false, false);
    if (problems.isEmpty()) {
      throw new IllegalArgumentException("problems: none (expected: at least one)");
    }
    this.problems = List.copyOf(problems);
  }

  /** What is wrong, one line each. */
  public List<String> problems() {
    return problems;
  }
}
