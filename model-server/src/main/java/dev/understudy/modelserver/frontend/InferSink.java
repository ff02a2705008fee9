package dev.understudy.modelserver.frontend;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.v1.ServerTiming;

/** Where the outcome of one inference goes. Exactly one method is called, once, by any thread. */
interface InferSink {
  /** Takes a serialised {@code ModelInferResponse}. */
  void answer(byte[] response, ServerTiming timing);

  void fail(Fault fault);
}
