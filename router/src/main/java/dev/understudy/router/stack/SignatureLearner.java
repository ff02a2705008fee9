package dev.understudy.router.stack;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.contract.ContractCheck;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.tensor.Signature;
import dev.understudy.router.control.TableKeeper;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.upstream.BackendQuestions;
import dev.understudy.router.upstream.BackendQuestions.Asked;
import io.grpc.Status;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Asks champions for the signatures that a table does not have: the metadata, and the largest batch
 * from the configuration where the server has that extension. Asked again until there is an answer;
 * until then the model is not ready. Any thread.
 */
final class SignatureLearner {
  private static final Logger log = Logger.getLogger(SignatureLearner.class.getName());

  private final TableKeeper keeper;
  private final BackendQuestions questions;
  private final Set<String> asking = ConcurrentHashMap.newKeySet();

  /** Models whose absence has been logged: once each, however often they are asked for. */
  private final Set<String> missed = ConcurrentHashMap.newKeySet();

  SignatureLearner(TableKeeper keeper, BackendQuestions questions) {
    this.keeper = keeper;
    this.questions = questions;
  }

  /** Asks for what is missing and not being asked for. */
  void ask() {
    for (ModelPlan plan : keeper.current().plans().values()) {
      if (plan.signature() == null && !plan.passesThrough() && asking.add(plan.model())) {
        CompletableFuture<Integer> batch = maxBatch(plan);
        var _ =
            questions
                .metadata(plan.champion(), Asked.of(plan.champion()))
                .thenCombine(batch, (metadata, size) -> signature(plan, metadata, size))
                .whenComplete((signature, failure) -> {
                  asking.remove(plan.model());
                  if (failure == null) {
                    missed.remove(plan.model());
                    warn(plan, signature);
                    keeper.learned(plan, signature);
                  } else if (missed.add(plan.model())) {
                    log.log(
                        Level.INFO,
                        () ->
                            "The signature of '"
                                + plan.model()
                                + "' is not known yet: "
                                + Fault.from(failure).getMessage());
                  }
                });
      }
    }
  }

  private static void warn(ModelPlan plan, Signature signature) {
    ContractCheck contract = plan.contract();
    String misfit = contract == null ? null : contract.misfit(signature);
    if (misfit != null) {
      log.log(
          Level.WARNING,
          () ->
              "No request for '"
                  + plan.model()
                  + "' can keep its contract, and all are refused: it "
                  + misfit);
    }
  }

  private CompletableFuture<Integer> maxBatch(ModelPlan plan) {
    return questions
        .config(plan.champion(), Asked.of(plan.champion()))
        .thenApply(answer -> answer.getConfig().getMaxBatchSize())
        .exceptionally(failure -> {
          Fault fault = Fault.from(failure);
          if (fault.code() == Status.Code.UNIMPLEMENTED) {
            return 0;
          }
          throw fault;
        });
  }

  private static Signature signature(ModelPlan plan, ModelMetadataResponse metadata, int maxBatch) {
    try {
      return Signature.of(metadata.toBuilder().setName(plan.model()).build(), maxBatch);
    } catch (IllegalArgumentException e) {
      throw Fault.of(Status.Code.INTERNAL, "UNUSABLE_SIGNATURE", String.valueOf(e.getMessage()));
    }
  }
}
