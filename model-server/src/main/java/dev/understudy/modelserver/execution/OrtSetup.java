package dev.understudy.modelserver.execution;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import java.util.concurrent.CompletableFuture;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * The first contact with ONNX Runtime.
 *
 * <p>When its environment is made, release 1.29 matches the process's command line against regular
 * expressions, for telemetry, by an algorithm that takes some 300 bytes of stack for each
 * character. A class path of a few thousand characters overflows the stack of an ordinary thread,
 * and the JVM dies without a word. So the environment is made on a thread whose stack is large
 * enough for any ordinary command line; only the pages that are used count. Telemetry is then
 * turned off: a model server does not report to anybody. (The environment variable {@code
 * ORT_DISABLE_TELEMETRY=1} keeps it off from the very beginning, but a process cannot set that for
 * itself.)
 */
final class OrtSetup {
  private static final Logger log = Logger.getLogger(OrtSetup.class.getName());
  private static final long STACK_BYTES = 256L << 20;

  private OrtSetup() {}

  static OrtEnvironment environment() {
    var made = new CompletableFuture<OrtEnvironment>();
    new Thread(
            null,
            () -> {
              try {
                made.complete(make());
              } catch (RuntimeException | LinkageError e) {
                made.completeExceptionally(e);
              }
            },
            "onnxruntime-setup",
            STACK_BYTES)
        .start();
    return made.join();
  }

  private static OrtEnvironment make() {
    OrtEnvironment environment =
        OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
    try {
      environment.setTelemetry(false);
    } catch (OrtException e) {
      log.log(Level.WARNING, "ONNX Runtime's telemetry could not be turned off", e);
    }
    return environment;
  }
}
