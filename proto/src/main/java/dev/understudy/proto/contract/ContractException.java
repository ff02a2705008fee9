package dev.understudy.proto.contract;

import java.util.List;

/** A contract file that cannot be used: every problem at once, each led by the path of its key. */
public final class ContractException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  // An ArrayList or List.of: both serializable.
  @SuppressWarnings("serial")
  private final List<String> problems;

  ContractException(String file, List<String> problems) {
    super(file + ": " + String.join("; ", problems));
    this.problems = List.copyOf(problems);
  }

  /**
   * Every problem found, in the order of the file: {@code "decision.cutoff: …"}.
   *
   * @return at least one sentence
   */
  public List<String> problems() {
    return problems;
  }
}
