package dev.understudy.router.stack;

import dev.understudy.chassis.time.Cancellable;
import dev.understudy.router.call.Answer;
import dev.understudy.router.call.Cancel;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The second attempt beside a champion's first one that is slow (J. Dean and L. A. Barroso, "The
 * tail at scale", 2013): sent to another backend when the first has taken longer than usual; the
 * first good answer goes to the client.
 *
 * <p><b>Evidence by intention to treat.</b> The rival is not hedged, so what counts for the
 * champion is the end of its first attempt, as if there were no hedge. A first attempt that is
 * evidence, of a rollout or of a pair, is therefore not called off when the second one wins, but
 * counted when it ends; any other loser is called off. Copies are made of the first attempt alone.
 *
 * <p>The timer, the first attempt and the second may come together on three threads: {@link Race}
 * tells each what is up to it.
 */
final class Hedge implements Cancel {
  /** What a hedge needs of its call. */
  interface Side {
    /** Sends the second attempt, if there is another backend and time; else returns null. */
    @Nullable Cancel send(Race race, Consumer<Answer> done);

    /** Whether the client has gone. */
    boolean clientGone();

    /** Ends the call for the client. */
    void finish(Answer answer, boolean firstHasEnded);

    /** Ends the first attempt. */
    void cancelFirst();
  }

  private final Race race = new Race();
  private final SecondAttempts seconds;
  private final Side side;
  private final boolean evidence;
  private volatile @Nullable Cancellable timer;
  private volatile @Nullable Cancel second;
  private @Nullable Answer firstFailure;

  /**
   * A hedge that has not been started.
   *
   * @param evidence whether the first attempt's end is counted
   */
  Hedge(SecondAttempts seconds, Side side, boolean evidence) {
    this.seconds = seconds;
    this.side = side;
    this.evidence = evidence;
  }

  /** The first attempt is under way, and a second will be after this wait; null for none. */
  void started(@Nullable Cancellable wait) {
    timer = wait;
    if (wait != null && !race.isFirstRunning()) {
      wait.cancel();
    }
  }

  /** The wait is over. */
  void fire() {
    if (side.clientGone() || !race.isFirstRunning()) {
      return;
    }
    Cancel sent = side.send(race, this::secondEnded);
    if (sent == null) {
      return;
    }
    second = sent;
    // Whoever wanted to end it may not have seen it yet.
    if (race.isAnswered() || side.clientGone()) {
      sent.cancel();
    }
  }

  /**
   * The first attempt has ended, and has been counted.
   *
   * @return what is left to do for the caller: {@code ANSWER}, {@code ANSWER_FIRST}, {@code ALONE}
   *     as they say; {@code TOO_LATE} when the client has been answered; {@code WAIT} for nothing
   */
  Race.Then firstEnded(Answer answer) {
    Cancellable waiting = timer;
    if (waiting != null) {
      waiting.cancel();
    }
    firstFailure = answer;
    Race.Then then = race.firstEnded(!answer.isBad() || side.clientGone());
    if (then == Race.Then.ANSWER) {
      cancel();
    }
    return then;
  }

  private void secondEnded(Answer answer) {
    switch (race.secondEnded(answer.isOk())) {
      case ANSWER -> {
        seconds.countHedgeWon();
        side.finish(answer, true);
      }
      case ANSWER_EARLY -> {
        seconds.countHedgeWon();
        side.finish(answer, false);
        if (!evidence) {
          side.cancelFirst();
        }
      }
      case ANSWER_FIRST -> {
        Answer first = firstFailure;
        side.finish(first == null ? answer : first, true);
      }
      case TOO_LATE, WAIT, ALONE -> {}
    }
  }

  /** Ends the second attempt. */
  @Override
  public void cancel() {
    Cancel running = second;
    if (running != null) {
      running.cancel();
    }
  }
}
