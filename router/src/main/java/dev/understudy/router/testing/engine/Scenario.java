package dev.understudy.router.testing.engine;

import java.util.List;
import java.util.stream.Stream;

/**
 * What a client does and what both sides must see of it.
 *
 * @param name the law, as a sentence
 */
public record Scenario(String name, Script script) {
  /** The steps; an {@link AssertionError} when one does not come out. */
  @FunctionalInterface
  interface Script {
    void play(Stage stage) throws Exception;
  }

  /** All scenarios. */
  public static List<Scenario> all() {
    return Stream.of(
            UnaryScenarios.all(),
            StreamScenarios.all(),
            ProtocolScenarios.all(),
            FlowScenarios.all())
        .flatMap(List::stream)
        .toList();
  }

  /** Plays it against a fresh engine. */
  public void play(Engine.Factory factory) throws Exception {
    try (Stage stage = new Stage(factory)) {
      script.play(stage);
    }
  }
}
