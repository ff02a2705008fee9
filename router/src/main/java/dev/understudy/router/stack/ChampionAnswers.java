package dev.understudy.router.stack;

import dev.understudy.proto.inference.ModelConfigResponse;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.inference.ModelStatisticsResponse;
import dev.understudy.router.call.Budget;
import dev.understudy.router.call.ModelQuestions;
import dev.understudy.router.call.ModelScope;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.control.TableKeeper;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.table.Tables;
import dev.understudy.router.upstream.BackendQuestions;
import dev.understudy.router.upstream.BackendQuestions.Asked;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BiFunction;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Questions about a model go to its champion, or to the arm whose version is asked for. */
final class ChampionAnswers implements ModelQuestions {
  private static final int MOST_QUESTIONS = 256;

  private final TableKeeper keeper;
  private final BackendQuestions backends;
  private final BooleanSupplier stopping;
  private final Budget questions = new Budget(MOST_QUESTIONS);

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
    ModelPlan plan = plan(model);
    if (plan == null || (plan.signature() == null && !plan.passesThrough())) {
      return CompletableFuture.completedFuture(false);
    }
    return ask(
        model,
        version,
        (arm, asked) -> backends.ready(arm, asked).thenApply(answer -> answer.getReady()));
  }

  @Override
  public CompletionStage<ModelMetadataResponse> metadata(String model, String version) {
    return ask(
        model,
        version,
        (arm, asked) ->
            backends
                .metadata(arm, asked)
                .thenApply(answer -> {
                  ModelMetadataResponse.Builder named = answer.toBuilder().setName(model);
                  if (arm.reversioned()) {
                    named.clearVersions().addVersions(arm.version());
                  }
                  return named.build();
                }));
  }

  @Override
  public CompletionStage<ModelConfigResponse> config(String model, String version) {
    return ask(
        model,
        version,
        (arm, asked) ->
            backends
                .config(arm, asked)
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
        (arm, asked) ->
            backends
                .statistics(arm, asked)
                .thenApply(answer -> {
                  ModelStatisticsResponse.Builder named = answer.toBuilder();
                  named
                      .getModelStatsBuilderList()
                      .forEach(stats -> {
                        stats.setName(model);
                        if (arm.reversioned()) {
                          stats.setVersion(arm.version());
                        }
                      });
                  return named.build();
                }));
  }

  /** The plan of a model; null for what cannot be a name, which must not pass through either. */
  private @Nullable ModelPlan plan(String model) {
    return model.isEmpty() || model.length() > ModelScope.MOST_NAME_CHARS
        ? null
        : keeper.current().plan(model);
  }

  private <A> CompletionStage<A> ask(
      String model, String version, BiFunction<ArmPlan, Asked, CompletionStage<A>> question) {
    ModelPlan plan = plan(model);
    if (plan == null) {
      return CompletableFuture.failedFuture(Refusals.unknownModel("", model));
    }
    if (plan.passesThrough()) {
      return bounded(question, plan.champion(), new Asked(model, version));
    }
    if (version.isEmpty()) {
      return bounded(question, plan.champion(), Asked.of(plan.champion()));
    }
    if (!Tables.isInteger(version)) {
      return CompletableFuture.failedFuture(Refusals.versionIsNoInteger("", version));
    }
    ArmPlan arm = plan.pinned(version);
    return arm == null
        ? CompletableFuture.failedFuture(Refusals.unknownVersion("", model, version))
        : bounded(question, arm, Asked.of(arm));
  }

  /** Thrown and not a failed stage, because too many questions are no answer to "is it ready?". */
  private <A> CompletionStage<A> bounded(
      BiFunction<ArmPlan, Asked, CompletionStage<A>> question, ArmPlan arm, Asked asked) {
    if (!questions.take(1)) {
      throw Refusals.tooManyCalls(MOST_QUESTIONS);
    }
    try {
      return question.apply(arm, asked).whenComplete((answer, failure) -> questions.giveBack(1));
    } catch (RuntimeException e) {
      questions.giveBack(1);
      throw e;
    }
  }
}
