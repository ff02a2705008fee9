package dev.understudy.router.guard;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.contract.AnswerCheck;
import dev.understudy.proto.contract.Coarsening;
import dev.understudy.proto.tensor.InferResponseView;
import dev.understudy.proto.v1.AnswerAction;
import dev.understudy.proto.v1.AnswerContract;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.router.call.Refusals;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a model's contract demands of its answers, made ready when a table comes into force.
 *
 * <p>Three things, kept apart. A <b>bad</b> answer (NaN, out of range, probabilities that do not
 * sum to one) is a failure of the arm and counts against it. A <b>doubtful</b> answer (the model is
 * not sure, or far from its benchmark) is a good answer to a hard question: it never counts against
 * the arm, or a version would win by feigning certainty. A <b>coarsened</b> answer is the true one,
 * made to say less to one who may be copying the model; evidence and records have the true one.
 *
 * <p>Immutable; any number of threads.
 */
public final class AnswerGuard {
  /**
   * Why an answer is doubtful.
   *
   * @param action what becomes of it; of several the gravest
   * @param unsure whether the model is not sure
   * @param apart whether it is far from its benchmark
   * @param fault what the caller is told if the answer is refused
   */
  public record Doubt(AnswerAction action, boolean unsure, boolean apart, Fault fault) {}

  private static final long MOST_MILLIS = 60_000;

  private final String model;
  private final String decided;
  private final AnswerCheck check;
  private final boolean hasRanges;
  private final AnswerContract answers;
  private final @Nullable Coarsening coarsening;
  private final Set<String> principals;
  private final Set<String> except;

  /** The guard of a model. */
  public AnswerGuard(String model, DataContract contract) {
    this.model = model;
    this.decided = contract.getDecision().getOutput();
    this.check = new AnswerCheck(contract);
    this.answers = contract.getAnswers();
    this.hasRanges = answers.getRangesCount() > 0;
    this.coarsening = answers.hasExtraction() ? new Coarsening(answers.getExtraction()) : null;
    this.principals = Set.copyOf(answers.getExtraction().getPrincipalsList());
    this.except = Set.copyOf(answers.getExtraction().getExceptList());
  }

  /**
   * Why an answer is bad, or null. NaN and infinities are looked for in the decision's output, or
   * without one in every floating-point output; ranges as the contract says.
   *
   * @param message the bytes that the answer was read from
   */
  public @Nullable Fault refusal(String clientId, byte[] message, InferResponseView answer) {
    Fault fault = OutputGuard.refusal(clientId, model, decided, answer);
    if (fault != null || !hasRanges) {
      return fault;
    }
    AnswerCheck.Violation violation = check.violation(message, answer);
    return violation == null
        ? null
        : Refusals.badOutput(
            clientId, model, violation.output(), violation.element(), violation.what());
  }

  /** Whether good answers may be doubtful. */
  public boolean doubts() {
    return answers.hasConfidence() || answers.hasDisagree();
  }

  /** Whether a benchmark model is asked beside each call. */
  public boolean asksBenchmark() {
    return answers.hasBenchmark();
  }

  /** Whether every answer has to be held against the benchmark's. */
  public boolean compares() {
    return answers.hasDisagree();
  }

  /** The longest wait for the benchmark once the answer is there. */
  public long waitNanos() {
    return bounded(answers.getBenchmark().getWaitMs(), 0);
  }

  /** The longest attempt at the benchmark. */
  public long timeoutNanos() {
    return bounded(answers.getBenchmark().getTimeoutMs(), 1);
  }

  /** Whoever wrote the table: unsigned on the wire. */
  private static long bounded(long millis, long least) {
    return Math.max(least, millis < 0 ? MOST_MILLIS : Math.min(millis, MOST_MILLIS)) * 1_000_000;
  }

  /** Why an answer is doubtful by itself, or null. What cannot be read is not doubted. */
  public @Nullable Doubt doubt(String clientId, byte[] message, InferResponseView answer) {
    if (!answers.hasConfidence()) {
      return null;
    }
    double sure = check.confidence(message, answer);
    double least = answers.getConfidence().getBelow();
    return sure < least
        ? new Doubt(
            answers.getConfidence().getAction(),
            true,
            false,
            Refusals.unsure(clientId, model, sure, least))
        : null;
  }

  /** As {@link #doubt(String, byte[], InferResponseView)}, and beside the benchmark's answer. */
  public @Nullable Doubt doubt(
      String clientId,
      byte[] message,
      InferResponseView answer,
      byte[] benchmarkMessage,
      InferResponseView benchmark) {
    Doubt alone = doubt(clientId, message, answer);
    if (!answers.hasDisagree()) {
      return alone;
    }
    double apart = check.disagreement(message, answer, benchmarkMessage, benchmark);
    double most = answers.getDisagree().getAbove();
    if (!(apart > most)) {
      return alone;
    }
    Doubt beside =
        new Doubt(
            answers.getDisagree().getAction(),
            alone != null,
            true,
            Refusals.disagreement(clientId, model, apart, most));
    return alone == null || beside.action().getNumber() >= alone.action().getNumber()
        ? beside
        : new Doubt(alone.action(), true, true, alone.fault());
  }

  /** Whether answers to a caller are coarsened. */
  public boolean coarsens(String principal) {
    if (coarsening == null) {
      return false;
    }
    return principals.isEmpty() ? !except.contains(principal) : principals.contains(principal);
  }

  /**
   * The answer as a caller gets it who {@link #coarsens} says; the given bytes stay as they are.
   */
  public byte[] coarsened(byte[] message, InferResponseView answer) {
    return coarsening == null ? message : coarsening.of(message, answer);
  }
}
