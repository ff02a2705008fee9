package dev.understudy.router.stack;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.tensor.InferResponseView;
import dev.understudy.proto.tensor.MalformedMessageException;
import dev.understudy.proto.v1.AnswerAction;
import dev.understudy.proto.v1.Role;
import dev.understudy.router.call.Answer;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.guard.AnswerGuard;
import dev.understudy.router.table.ArmPlan;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * What becomes of a good answer that may be doubtful. It comes after evidence: whatever is decided
 * here is decided for the client, and nothing that has been counted changes.
 *
 * <p>Where another answer is to be given and there is none (no champion in time, no benchmark), the
 * doubtful one is given and flagged: it is a good answer still.
 */
final class SecondLook {
  private static final String UNSURE = "guard.low-confidence";
  private static final String APART = "guard.disagreement";

  /** What can be done about an answer. */
  interface Hands {
    /** Gives an answer of an arm to the client. */
    void give(Answer answer, ArmPlan by);

    /**
     * Asks the champion instead.
     *
     * @return false when it may not be asked
     */
    boolean askChampion(Answer otherwise, ArmPlan by);
  }

  private final InferCall call;
  private final AnswerGuard guard;
  private final Benchmarks.@Nullable Asked asked;
  private final Hands hands;

  SecondLook(InferCall call, AnswerGuard guard, Benchmarks.@Nullable Asked asked, Hands hands) {
    this.call = call;
    this.guard = guard;
    this.asked = asked;
    this.hands = hands;
  }

  /** Looks at an answer that is good; one of the hands' methods follows, perhaps later. */
  void look(Answer answer, byte[] response, ArmPlan by) {
    InferResponseView view = InferResponseView.parse(ByteBuffer.wrap(response));
    AnswerGuard.Doubt alone = guard.doubt(call.clientId(), response, view);
    boolean wanted =
        guard.compares() || (alone != null && alone.action() == AnswerAction.ANSWER_BENCHMARK);
    Benchmarks.Asked benchmark = asked;
    if (benchmark == null || !wanted) {
      if (benchmark != null) {
        benchmark.drop();
      }
      settle(answer, by, alone, null);
      return;
    }
    benchmark.await(
        guard.waitNanos(),
        second -> {
          byte[] other = second == null ? null : second.response();
          InferResponseView otherView = view(other);
          if (other == null || otherView == null) {
            settle(answer, by, alone, null);
          } else {
            settle(
                answer,
                by,
                guard.doubt(call.clientId(), response, view, other, otherView),
                guard.refusal(call.clientId(), other, otherView) == null ? second : null);
          }
        });
  }

  private static @Nullable InferResponseView view(byte @Nullable [] response) {
    try {
      return response == null ? null : InferResponseView.parse(ByteBuffer.wrap(response));
    } catch (MalformedMessageException e) {
      return null;
    }
  }

  private void settle(
      Answer answer, ArmPlan by, AnswerGuard.@Nullable Doubt doubt, @Nullable Answer benchmark) {
    if (doubt == null) {
      hands.give(answer, by);
      return;
    }
    if (doubt.unsure()) {
      call.notes().flag(UNSURE);
    }
    if (doubt.apart()) {
      call.notes().flag(APART);
    }
    switch (doubt.action()) {
      case ANSWER_REFUSE -> hands.give(refused(answer, doubt.fault()), by);
      case ANSWER_BENCHMARK -> {
        Benchmarks.Asked second = asked;
        if (benchmark == null || second == null) {
          review(answer, by, doubt);
        } else {
          call.notes().flag("guard.benchmark");
          hands.give(benchmark, second.arm());
        }
      }
      case ANSWER_FALLBACK -> {
        if (by.role() == Role.CHAMPION || !hands.askChampion(answer, by)) {
          review(answer, by, doubt);
        }
      }
      default -> review(answer, by, doubt);
    }
  }

  private void review(Answer answer, ArmPlan by, AnswerGuard.Doubt doubt) {
    call.notes().review(doubt.unsure() ? UNSURE : APART);
    hands.give(answer, by);
  }

  /** The arm did what it should: the outcome stays, only the client is told otherwise. */
  private static Answer refused(Answer answer, Fault fault) {
    return new Answer(answer.outcome(), null, null, fault, answer.latencyNanos(), false);
  }
}
