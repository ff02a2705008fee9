package dev.understudy.router.call;

import dev.understudy.chassis.error.Fault;
import io.grpc.Status.Code;
import java.time.Duration;

/**
 * Every refusal of the router, with status, reason and text in one place. Where Triton refuses the
 * same thing the text is Triton's, because clients match on it; once a message has been read, the
 * client's own id stands before the text, as Triton puts it.
 */
public final class Refusals {
  private Refusals() {}

  /** No key was sent. */
  public static Fault noKey() {
    return Fault.of(
        Code.UNAUTHENTICATED,
        "API_KEY_MISSING",
        "missing API key (expected: metadata 'authorization: Bearer KEY' or 'x-api-key: KEY')");
  }

  /** The key is none of ours. */
  public static Fault unknownKey() {
    return Fault.of(Code.UNAUTHENTICATED, "API_KEY_UNKNOWN", "unknown API key");
  }

  /** The principal's rate is used up. */
  public static Fault overQuota(String principal, double perSecond, Duration retryAfter) {
    String rate = perSecond == Math.rint(perSecond) ? "" + (long) perSecond : "" + perSecond;
    return Fault.of(
            Code.RESOURCE_EXHAUSTED,
            "QUOTA_EXCEEDED",
            "principal '" + principal + "' is over its quota of " + rate + " requests per second")
        .quota("principal:" + principal, rate + " requests per second")
        .retryAfter(retryAfter)
        .pushback(retryAfter);
  }

  /** Too many calls in flight. */
  public static Fault tooManyCalls(int limit) {
    return Fault.of(
            Code.UNAVAILABLE,
            "CONCURRENCY_LIMIT",
            "Exceeds maximum queue size: " + limit + " calls are in flight")
        .retryAfter(Duration.ofMillis(100));
  }

  /** Too many bytes in flight. */
  public static Fault tooManyBytes(long limit) {
    return Fault.of(
            Code.UNAVAILABLE,
            "BYTES_LIMIT",
            "Exceeds maximum queue size: the budget of " + limit + " bytes in flight is used up")
        .retryAfter(Duration.ofMillis(100));
  }

  /** The deadline had passed on arrival. */
  public static Fault tooLate() {
    return Fault.of(
        Code.DEADLINE_EXCEEDED,
        "DEADLINE_PASSED",
        "the deadline had passed before the request was forwarded");
  }

  /** Not a message of the protocol. */
  public static Fault malformed(String what) {
    return Fault.of(Code.INVALID_ARGUMENT, "MALFORMED_MESSAGE", what);
  }

  /** The request does not fit; the text says why. */
  public static Fault invalid(String clientId, String text) {
    return Fault.of(Code.INVALID_ARGUMENT, "INVALID_REQUEST", prefixed(clientId, text));
  }

  /** No such model. */
  public static Fault unknownModel(String clientId, String model) {
    return Fault.of(
            Code.NOT_FOUND,
            "UNKNOWN_MODEL",
            prefixed(clientId, "Request for unknown model: '" + model + "' is not found"))
        .resource("model", model);
  }

  /** No name of a model that could be passed on. */
  public static Fault unusableModelName(String clientId, int characters, int most) {
    return Fault.of(
        Code.INVALID_ARGUMENT,
        "INVALID_MODEL_NAME",
        prefixed(
            clientId,
            "the model's name has " + characters + " characters (expected: 1 to " + most + ")"));
  }

  /** No such version that may be asked for. */
  public static Fault unknownVersion(String clientId, String model, String version) {
    return Fault.of(
            Code.NOT_FOUND,
            "UNKNOWN_VERSION",
            prefixed(
                clientId,
                "Request for unknown model: '" + model + "' version " + version + " is not found"))
        .resource("model", model);
  }

  /** A version is a whole number. */
  public static Fault versionIsNoInteger(String clientId, String version) {
    return Fault.of(
        Code.INVALID_ARGUMENT,
        "INVALID_VERSION",
        prefixed(
            clientId,
            "failed to get model version from specified version string '"
                + version
                + "' (details: stoll, expected: a whole number)"));
  }

  /** The signature is not known yet. */
  public static Fault notReady(String clientId, String model, String version) {
    return Fault.of(
            Code.UNAVAILABLE,
            "MODEL_NOT_READY",
            prefixed(
                clientId,
                "Request for unknown model: '"
                    + model
                    + "' version "
                    + version
                    + " is not at ready state"))
        .resource("model", model)
        .retryAfter(Duration.ofSeconds(1));
  }

  /** Shared memory lies on the server's machine, not on the router's. */
  public static Fault sharedMemory(String clientId) {
    return Fault.of(
        Code.UNIMPLEMENTED,
        "SHARED_MEMORY",
        prefixed(
            clientId,
            "shared memory is not supported through a router; send tensor data in the request"));
  }

  /** The admin port is the place. */
  public static Fault adminOnly(String method) {
    return Fault.of(
        Code.PERMISSION_DENIED,
        "ADMIN_ONLY",
        method + " is not allowed through the router; ask the model server itself");
  }

  /** Only testers choose their arm. */
  public static Fault noTester(String clientId, String principal) {
    return Fault.of(
        Code.PERMISSION_DENIED,
        "NOT_A_TESTER",
        prefixed(
            clientId, "principal '" + principal + "' may not choose an arm by 'x-understudy-arm'"));
  }

  /** The header names no arm that answers. */
  public static Fault noSuchArm(String clientId, String model, String arm) {
    return Fault.of(
        Code.INVALID_ARGUMENT,
        "NO_SUCH_ARM",
        prefixed(
            clientId,
            "model '" + model + "' has no answering arm '" + arm + "' (header x-understudy-arm)"));
  }

  /** Every call must leave a record, and there is no room for one. */
  public static Fault noRoomForLineage(String clientId) {
    return Fault.of(
            Code.UNAVAILABLE,
            "LINEAGE_FULL",
            prefixed(
                clientId, "no room to record the call's lineage, which the model's policy demands"))
        .retryAfter(Duration.ofSeconds(1));
  }

  /** An answer that must not be given. */
  public static Fault badOutput(
      String clientId, String model, String output, int element, String what) {
    return Fault.of(
            Code.INTERNAL,
            "OUTPUT_GUARD",
            prefixed(
                clientId,
                "model '"
                    + model
                    + "' answered with "
                    + what
                    + " in output '"
                    + output
                    + "' (element "
                    + element
                    + ")"))
        .metadata("model", model)
        .metadata("output", output);
  }

  /** No backend of the arm is in use. */
  public static Fault noBackend(String clientId, String arm) {
    return Fault.of(
        Code.UNAVAILABLE,
        "NO_BACKEND",
        prefixed(clientId, "no backend of arm '" + arm + "' can be reached"));
  }

  /** A drill spoiled the backend's answer. */
  public static Fault injected(String clientId) {
    return Fault.of(Code.UNAVAILABLE, "DRILL", prefixed(clientId, "injected by a drill"));
  }

  /** The backend broke the call off. */
  public static Fault brokenOff(String clientId, String address) {
    return Fault.of(
        Code.UNAVAILABLE,
        "BROKEN_OFF",
        prefixed(clientId, "backend " + address + " broke the call off"));
  }

  /** The backend's answer cannot be read. */
  public static Fault malformedAnswer(String clientId, String what) {
    return Fault.of(
        Code.INTERNAL,
        "MALFORMED_ANSWER",
        prefixed(clientId, "the backend's answer is not a response: " + what));
  }

  /** The attempt took too long. */
  public static Fault tryTimeout(String clientId, String address, long millis) {
    return Fault.of(
        Code.UNAVAILABLE,
        "TRY_TIMEOUT",
        prefixed(clientId, "backend " + address + " did not answer within " + millis + " ms"));
  }

  /** The caller's deadline passed while the backend was at work. */
  public static Fault deadline(String clientId) {
    return Fault.of(
        Code.DEADLINE_EXCEEDED,
        "DEADLINE_EXCEEDED",
        prefixed(clientId, "the deadline passed before an answer came"));
  }

  /** The client went away. */
  public static Fault cancelled() {
    return Fault.of(Code.CANCELLED, "CANCELLED", "the client cancelled the call");
  }

  /** Puts Triton's prefix before the text when the client gave an id. */
  public static String prefixed(String clientId, String text) {
    return clientId.isEmpty() ? text : "[request id: " + clientId + "] " + text;
  }
}
