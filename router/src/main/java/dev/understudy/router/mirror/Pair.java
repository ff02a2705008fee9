package dev.understudy.router.mirror;

import dev.understudy.router.call.Answer;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.ModelPlan;

/**
 * Two answers to the same request.
 *
 * @param arm the copy's
 * @param champion how the first attempt ended
 * @param copy how the copy ended
 */
public record Pair(InferCall call, ModelPlan plan, ArmPlan arm, Answer champion, Answer copy) {}
