package dev.understudy.modelserver.execution;

import java.nio.file.Path;

/** An engine that runs models. Safe for use by any thread. */
public interface InferenceBackend {
  /**
   * Reads a model file and makes it ready to run.
   *
   * @throws ModelLoadException when this engine cannot run the file; the text says why, and what
   *     helps where something does
   */
  LoadedModel load(Path file, ExecutionOptions options) throws ModelLoadException;
}
