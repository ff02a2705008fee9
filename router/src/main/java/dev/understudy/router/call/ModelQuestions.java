package dev.understudy.router.call;

import dev.understudy.proto.inference.ModelConfigResponse;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.inference.ModelStatisticsResponse;
import java.util.concurrent.CompletionStage;

/**
 * What clients ask about a model; the champion answers. A stage fails with a {@link
 * dev.understudy.chassis.error.Fault}. An empty version means the champion's. Any method may throw
 * one too, when too many questions are open already. Any thread.
 */
public interface ModelQuestions {
  /** Whether the router has a table and is not going down. */
  boolean serverReady();

  /** Whether the model can be asked; false for unknown models. */
  CompletionStage<Boolean> ready(String model, String version);

  /** The model's metadata under its own name. */
  CompletionStage<ModelMetadataResponse> metadata(String model, String version);

  /** The model's configuration under its own name. */
  CompletionStage<ModelConfigResponse> config(String model, String version);

  /** The champion's statistics under the model's own name. */
  CompletionStage<ModelStatisticsResponse> statistics(String model, String version);
}
