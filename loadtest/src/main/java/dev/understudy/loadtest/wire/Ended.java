package dev.understudy.loadtest.wire;

import io.grpc.Status;

/** Hears that a call has ended; on the driving thread, which it may use to start other calls. */
@FunctionalInterface
public interface Ended {
  /**
   * The call has ended and is the hearer's again.
   *
   * @param code how
   * @param detail why, if it is no OK and anything is known; otherwise empty
   * @param nanos when, by {@link System#nanoTime}
   */
  void ended(Exchange exchange, Status.Code code, String detail, long nanos);
}
