package dev.understudy.router.stack;

import dev.understudy.proto.inference.ModelConfigResponse;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.inference.ModelStatisticsResponse;
import dev.understudy.router.call.ModelQuestions;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.control.TableKeeper;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.table.Tables;
import dev.understudy.router.upstream.BackendQuestions;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/** Questions about a model go to its champion, or to the arm whose version is asked for. */
final class ChampionAnswers implements ModelQuestions {
  private final TableKeeper keeper;
  private final BackendQuestions backends;
  private final BooleanSupplier stopping;

  ChampionAnswers(TableKeeper keeper, BackendQuestions backends, BooleanSupplier stopping) {
    this.keeper = keeper;
    this.backends = backends;
    this.stopping = stopping;
  }

  @Override
  public boolean serverReady() {
    return !stopping.getAsBoolean() && !keeper.current().plans().isEmpty();
  }

  @Override
  public CompletionStage<Boolean> ready(String model, String version) {
    ModelPlan plan = keeper.current().plan(model);
    if (plan == null || plan.signature() == null) {
      return CompletableFuture.completedFuture(false);
    }
    return ask(model, version, arm -> backends.ready(arm).thenApply(answer -> answer.getReady()));
  }

  @Override
  public CompletionStage<ModelMetadataResponse> metadata(String model, String version) {
    return ask(
        model,
        version,
        arm ->
            backends.metadata(arm).thenApply(answer -> answer.toBuilder().setName(model).build()));
  }

  @Override
  public CompletionStage<ModelConfigResponse> config(String model, String version) {
    return ask(
        model,
        version,
        arm ->
            backends
                .config(arm)
                .thenApply(answer -> {
                  ModelConfigResponse.Builder named = answer.toBuilder();
                  named.getConfigBuilder().setName(model);
                  return named.build();
                }));
  }

  @Override
  public CompletionStage<ModelStatisticsResponse> statistics(String model, String version) {
    return ask(
        model,
        version,
        arm ->
            backends
                .statistics(arm)
                .thenApply(answer -> {
                  ModelStatisticsResponse.Builder named = answer.toBuilder();
                  named.getModelStatsBuilderList().forEach(stats -> stats.setName(model));
                  return named.build();
                }));
  }

  private <A> CompletionStage<A> ask(
      String model, String version, Function<ArmPlan, CompletionStage<A>> question) {
    ModelPlan plan = keeper.current().plan(model);
    if (plan == null) {
      return CompletableFuture.failedFuture(Refusals.unknownModel("", model));
    }
    if (version.isEmpty()) {
      return question.apply(plan.champion());
    }
    if (!Tables.isInteger(version)) {
      return CompletableFuture.failedFuture(Refusals.versionIsNoInteger("", version));
    }
    ArmPlan arm = plan.pinned(version);
    return arm == null
        ? CompletableFuture.failedFuture(Refusals.unknownVersion("", model, version))
        : question.apply(arm);
  }
}
