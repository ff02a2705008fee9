package dev.understudy.chassis.error;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * A refusal or failure that has a code, a machine-readable reason and a text for people.
 *
 * <p>Code deep inside a service throws a fault where the cause is known; the edge of the service
 * turns it into a gRPC status with {@link #toGrpc()}, once. Anything else that is thrown becomes a
 * fault through {@link #from(Throwable)}. A fault records no stack trace, because it describes the
 * caller's request rather than a defect; the {@link #getCause() cause} keeps its own.
 *
 * <p>Faults are immutable and safe to share between threads; the withers return a changed copy.
 */
public final class Fault extends RuntimeException {
  /** The {@code domain} of every {@code google.rpc.ErrorInfo} that Understudy sends. */
  public static final String DOMAIN = "understudy.dev";

  /** The reason of a failure that nobody foresaw. */
  static final String UNFORESEEN = "INTERNAL";

  private static final Logger log = Logger.getLogger(Fault.class.getName());

  private final Status.Code code;
  private final transient FaultDetails details;

  Fault(Status.Code code, String message, FaultDetails details, @Nullable Throwable cause) {
    super(message, cause, false, false);
    this.code = code;
    this.details = details;
  }

  /**
   * Makes a fault.
   *
   * @param code any code but OK
   * @param reason the cause in {@code UPPER_SNAKE_CASE}, stable between releases
   * @param message a sentence for people that carries the value and the expectation
   */
  public static Fault of(Status.Code code, String reason, String message) {
    if (code == Status.Code.OK) {
      throw new IllegalArgumentException("code: OK (expected: an error code)");
    }
    if (!isUpperSnake(reason)) {
      throw new IllegalArgumentException("reason: " + reason + " (expected: UPPER_SNAKE_CASE)");
    }
    return new Fault(code, message, FaultDetails.of(reason), null);
  }

  /** Names one field of the request that is wrong; may be repeated. */
  public Fault violation(String field, String description) {
    return with(details.withViolation(field, description));
  }

  /** Names one quota that is used up, such as {@code "principal:alice"}; may be repeated. */
  public Fault quota(String subject, String description) {
    return with(details.withQuota(subject, description));
  }

  /** Tells the client how long to wait before it tries again. */
  public Fault retryAfter(Duration delay) {
    return with(details.withRetryAfter(delay));
  }

  /** Names the thing that is missing or in the wrong state, such as {@code ("model", "fraud")}. */
  public Fault resource(String type, String name) {
    return with(details.withResource(type, name));
  }

  /** Adds one entry to the metadata of the {@code ErrorInfo}. */
  public Fault metadata(String key, String value) {
    Map<String, String> grown = new TreeMap<>(details.metadata());
    grown.put(key, value);
    return with(details.withMetadata(grown));
  }

  /** States the prediction id under which the call is remembered. */
  public Fault requestId(String id) {
    return with(details.withRequestId(id));
  }

  /**
   * Asks gRPC's own retries to hold off, by the trailer {@code grpc-retry-pushback-ms}. A negative
   * duration forbids them.
   */
  public Fault pushback(Duration delay) {
    return with(details.withPushback(delay));
  }

  /** Keeps what led to this fault, for the log; it is never sent to the client. */
  public Fault cause(Throwable cause) {
    return new Fault(code, message(), details, cause);
  }

  /** The gRPC status code, never OK. */
  public Status.Code code() {
    return code;
  }

  /** The cause in upper snake case, as in {@code ErrorInfo.reason}. */
  public String reason() {
    return details.reason();
  }

  /** What else is known: the fields, quotas and waits that travel as {@code google.rpc} details. */
  public FaultDetails details() {
    return details;
  }

  /** The exception to hand to gRPC, with its details in {@code grpc-status-details-bin}. */
  public StatusRuntimeException toGrpc() {
    return StatusDetails.encode(this);
  }

  /**
   * Translates whatever was thrown. A fault is returned as it is; a gRPC status keeps its code,
   * text and details; time-outs, cancellations and rejected tasks get their codes; wrappers of
   * asynchronous calls are opened. All else becomes INTERNAL with a text that gives nothing away.
   */
  public static Fault from(Throwable thrown) {
    return switch (thrown) {
      case Fault fault -> fault;
      case io.grpc.StatusRuntimeException e ->
          StatusDetails.decode(e.getStatus(), e.getTrailers(), e);
      case io.grpc.StatusException e -> StatusDetails.decode(e.getStatus(), e.getTrailers(), e);
      case CompletionException e when e.getCause() != null -> from(e.getCause());
      case ExecutionException e when e.getCause() != null -> from(e.getCause());
      case TimeoutException e ->
          of(Status.Code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "The deadline passed.").cause(e);
      case CancellationException e ->
          of(Status.Code.CANCELLED, "CANCELLED", "The call was cancelled.").cause(e);
      case RejectedExecutionException e ->
          of(Status.Code.UNAVAILABLE, "REJECTED", "The service takes no more work at the moment.")
              .cause(e);
      default ->
          of(Status.Code.INTERNAL, UNFORESEEN, "Internal error; the server's log has the cause.")
              .cause(thrown);
    };
  }

  /**
   * Ends a call with the translation of what was thrown. Unforeseen causes are logged, because the
   * client is not told about them. A call that is closed already is left as it is.
   */
  public static <T> void fail(StreamObserver<T> observer, Throwable thrown) {
    Fault fault = from(thrown);
    fault.logIfUnforeseen();
    try {
      observer.onError(fault.toGrpc());
    } catch (IllegalStateException closed) {
      log.log(Level.FINE, "The call had ended before its failure could be sent", closed);
    }
  }

  /** Logs the cause when it is one that the client will not be told. */
  public void logIfUnforeseen() {
    if (code == Status.Code.INTERNAL && reason().equals(UNFORESEEN) && getCause() != null) {
      log.log(Level.WARNING, "Call failed", getCause());
    }
  }

  private Fault with(FaultDetails changed) {
    return new Fault(code, message(), changed, getCause());
  }

  private String message() {
    String message = getMessage();
    return message == null ? "" : message;
  }

  private static boolean isUpperSnake(String reason) {
    if (reason.isEmpty() || reason.length() > 63 || !isUpper(reason.charAt(0))) {
      return false;
    }
    return reason.chars().allMatch(c -> isUpper(c) || c == '_' || (c >= '0' && c <= '9'));
  }

  private static boolean isUpper(int c) {
    return c >= 'A' && c <= 'Z';
  }
}
