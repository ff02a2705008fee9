package dev.understudy.router.call;

/** What an engine drives: the life of a call behind its first two events. Any thread. */
public interface InferService {
  /**
   * Headers have arrived; no byte of a message has been asked for.
   *
   * @param deadlineNanos on the monotonic clock; {@link Long#MAX_VALUE} without one
   * @param stream whether each message will be a request of its own
   * @throws dev.understudy.chassis.error.Fault when the call is refused
   */
  Ticket open(Headers headers, long deadlineNanos, boolean stream);

  /** An admitted call; {@link #close()} gives back what it holds. */
  interface Ticket extends AutoCloseable {
    /**
     * A message has arrived. A stream calls this once per message.
     *
     * @return calls the request off when the client goes away
     */
    Cancel infer(byte[] message, Reply reply);

    /** Ends the call; again has no effect. */
    @Override
    void close();
  }
}
