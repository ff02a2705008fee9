package dev.understudy.router.call;

import dev.understudy.chassis.error.Fault;
import org.jspecify.annotations.Nullable;

/** Where the answer to a call goes; exactly one method is called, once, from any thread. */
public interface Reply {
  /**
   * Answers.
   *
   * @param predictionId the id under which the call is remembered, to be told in the headers; empty
   *     when the answer says it itself
   * @param timing the server's timing trailer, passed on
   * @param notes told beside the answer
   */
  void ok(String predictionId, Message response, byte @Nullable [] timing, Notes notes);

  /** Fails. The id is empty when the call was refused before it got one. */
  void fail(String predictionId, Fault fault, Notes notes);
}
