package dev.understudy.router.stack;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * A first attempt and perhaps a second beside it: who answers the client. Both may end at the same
 * moment, on different threads, while a timer decides on a third whether there is a second at all;
 * each of the three is told what is now up to it, and the client is answered exactly once. Any
 * thread; lock-free.
 */
final class Race {
  /** What follows for whoever has just ended. */
  enum Then {
    /** Answer the client with this; the other has ended, or is called off. */
    ANSWER,
    /** The second one answers the client, and the first is still under way. */
    ANSWER_EARLY,
    /** The client has its answer. */
    TOO_LATE,
    /** Nothing yet: the other one may still succeed. */
    WAIT,
    /** Both have failed: answer with the first one's end. */
    ANSWER_FIRST,
    /** The first one failed alone: whatever happens then without a race. */
    ALONE
  }

  private static final int FIRST_ENDED = 1;
  private static final int SECOND_SENT = 2;
  private static final int SECOND_ENDED = 4;
  private static final int ANSWERED = 8;

  private final AtomicInteger state = new AtomicInteger();

  /** A second attempt begins, unless the first has ended: then it must not. */
  boolean secondBegins() {
    return (state.getAndUpdate(now -> (now & FIRST_ENDED) != 0 ? now : now | SECOND_SENT)
            & FIRST_ENDED)
        == 0;
  }

  /** Whether the client has its answer. */
  boolean isAnswered() {
    return (state.get() & ANSWERED) != 0;
  }

  /** Whether the first attempt is still under way. */
  boolean isFirstRunning() {
    return (state.get() & FIRST_ENDED) == 0;
  }

  /**
   * The first attempt has ended, once.
   *
   * @param last whether nothing could be better than its end
   */
  Then firstEnded(boolean last) {
    int before = state.getAndUpdate(now -> now | FIRST_ENDED | (last ? ANSWERED : 0));
    if ((before & ANSWERED) != 0) {
      return Then.TOO_LATE;
    }
    if (last) {
      return Then.ANSWER;
    }
    if ((before & SECOND_SENT) == 0) {
      return Then.ALONE;
    }
    return (before & SECOND_ENDED) == 0 ? Then.WAIT : Then.ANSWER_FIRST;
  }

  /** The second attempt has ended, once. */
  Then secondEnded(boolean ok) {
    int before = state.getAndUpdate(now -> now | SECOND_ENDED | (ok ? ANSWERED : 0));
    if ((before & ANSWERED) != 0) {
      return Then.TOO_LATE;
    }
    if (ok) {
      return (before & FIRST_ENDED) == 0 ? Then.ANSWER_EARLY : Then.ANSWER;
    }
    return (before & FIRST_ENDED) == 0 ? Then.WAIT : Then.ANSWER_FIRST;
  }
}
