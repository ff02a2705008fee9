package dev.understudy.loadtest.wire;

import io.grpc.Status;

/** Whom a {@link Connection} tells what becomes of it and of its calls. */
interface Owner {
  /** It has frames to be flushed. */
  void dirty(Connection connection);

  /** A connection may be used. */
  void opened();

  /** A call may have found room. */
  void roomAgain();

  /** A call has ended. */
  void end(Exchange exchange, Status.Code code, String detail, long nanos);

  /** It has closed. */
  void lost(Connection connection, String why);

  /** It takes no more calls, but ends those that it has. */
  void replace(Connection connection);
}
