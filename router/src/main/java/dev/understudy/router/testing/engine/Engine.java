package dev.understudy.router.testing.engine;

import dev.understudy.router.call.InferService;
import java.time.Duration;

/** What turns bytes on a port into calls of an {@link InferService}, and its replies into bytes. */
public interface Engine extends AutoCloseable {
  /** The port on loopback, plaintext HTTP/2. */
  int port();

  /** Takes no more calls and lets those under way end; returns when they have, or time is up. */
  void drain(Duration grace) throws InterruptedException;

  @Override
  void close();

  /**
   * What an engine must bound by itself.
   *
   * @param messageBytes the largest request message
   * @param headerBytes the largest metadata of a request
   */
  record Limits(int messageBytes, int headerBytes) {}

  /** Starts engines. */
  @FunctionalInterface
  interface Factory {
    /** An engine that listens and drives the service. */
    Engine start(InferService service, Limits limits) throws Exception;
  }
}
