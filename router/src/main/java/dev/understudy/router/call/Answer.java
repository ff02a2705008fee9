package dev.understudy.router.call;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.v1.Outcome;
import org.jspecify.annotations.Nullable;

/**
 * How one attempt ended: exactly one of {@code response} and {@code fault} is there.
 *
 * @param outcome the class by which an arm is judged
 * @param response the serialized answer
 * @param timing the server's {@code understudy-timing-bin} trailer
 * @param fault what the client would be told
 * @param latencyNanos from send to last byte
 * @param transport whether the backend could not be reached or did not answer in time
 */
@SuppressWarnings("ArrayRecordComponent") // identity is all that is asked of an answer
public record Answer(
    Outcome outcome,
    byte @Nullable [] response,
    byte @Nullable [] timing,
    @Nullable Fault fault,
    long latencyNanos,
    boolean transport) {
  /** An answer with a response. */
  public static Answer ok(byte[] response, byte @Nullable [] timing, long latencyNanos) {
    return new Answer(Outcome.OK, response, timing, null, latencyNanos, false);
  }

  /** An attempt that failed. */
  public static Answer failed(Outcome outcome, Fault fault, long latencyNanos, boolean transport) {
    return new Answer(outcome, null, null, fault, latencyNanos, transport);
  }

  /** The same end, after another time. */
  public Answer after(long nanos) {
    return new Answer(outcome, response, timing, fault, nanos, transport);
  }

  /** Whether the arm did what it should. */
  public boolean isOk() {
    return outcome == Outcome.OK;
  }

  /** Whether the outcome counts against the arm. */
  public boolean isBad() {
    return outcome.getNumber() >= Outcome.BAD_UNAVAILABLE_VALUE;
  }
}
