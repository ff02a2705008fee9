package dev.understudy.chassis.lifecycle;

import java.util.Map;

/** A service that has been started and answers on its ports. */
public interface RunningService extends AutoCloseable {
  /** The ports it listens on by name, such as {@code grpc} and {@code http}. */
  Map<String, Integer> ports();

  /** Drains and stops it; returns when it is down. May be called repeatedly. */
  @Override
  void close();

  /** A service that consists of the parts of a lifecycle. */
  static RunningService of(Map<String, Integer> ports, Lifecycle lifecycle) {
    Map<String, Integer> fixed = Map.copyOf(ports);
    return new RunningService() {
      @Override
      public Map<String, Integer> ports() {
        return fixed;
      }

      @Override
      public void close() {
        lifecycle.close();
      }
    };
  }
}
