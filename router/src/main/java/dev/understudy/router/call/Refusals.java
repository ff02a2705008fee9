package dev.understudy.router.call;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.contract.ContractFindings;
import io.grpc.Status.Code;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;

/**
 * Every refusal of the router, with status, reason and text in one place. Where Triton refuses the
 * same thing the text is Triton's, because clients match on it; once a message has been read, the
 * client's own id stands before the text, as Triton puts it.
 */
public final class Refusals {
  private static final Duration NEVER = Duration.ofMillis(-1);

  /** Clients take 8 KiB of trailers unless told otherwise; base64 adds a third to details. */
  private static final int MOST_VIOLATION_BYTES = 4_500;

  /** Of each id, name or header that the client chose and a refusal repeats. */
  private static final int MOST_CHARS = 200;

  /** Of a text that may repeat several. */
  private static final int MOST_TEXT_CHARS = 1_000;

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

  /** Nothing was sent that says who is calling. */
  public static Fault noCredential(String expected) {
    return Fault.of(
        Code.UNAUTHENTICATED,
        "CREDENTIAL_MISSING",
        "missing credential (expected: " + expected + ")");
  }

  /** The token is not what tokens look like. */
  public static Fault tokenMalformed() {
    return badToken("TOKEN_MALFORMED", "the token is no signed JWT");
  }

  /** The token is signed in a way that is not allowed here. */
  public static Fault tokenAlgorithm() {
    return badToken("TOKEN_ALGORITHM", "the token's signature algorithm is not allowed");
  }

  /** No key is known that could have signed the token. */
  public static Fault tokenSigner() {
    return badToken("TOKEN_SIGNER_UNKNOWN", "the token's signer is not known");
  }

  /** The token's content is not what was signed. */
  public static Fault tokenSignature() {
    return badToken("TOKEN_SIGNATURE", "the token's signature is wrong");
  }

  /** The token was good once. */
  public static Fault tokenExpired() {
    return badToken("TOKEN_EXPIRED", "the token has expired");
  }

  /** The token will be good later. */
  public static Fault tokenNotYet() {
    return badToken("TOKEN_NOT_YET_VALID", "the token is not valid yet");
  }

  /** The token is somebody else's. */
  public static Fault tokenIssuer() {
    return badToken("TOKEN_ISSUER", "the token's issuer is not the expected one");
  }

  /** The token is for somebody else. */
  public static Fault tokenAudience() {
    return badToken("TOKEN_AUDIENCE", "the token is meant for another audience");
  }

  /** The token does not say who is calling. */
  public static Fault tokenPrincipal() {
    return badToken("TOKEN_PRINCIPAL", "the token names no principal");
  }

  private static Fault badToken(String reason, String text) {
    return Fault.of(Code.UNAUTHENTICATED, reason, text);
  }

  /** The keys that sign tokens are not known at the moment, so nothing can be said about one. */
  public static Fault tokenKeysUnavailable() {
    return Fault.of(
            Code.UNAVAILABLE,
            "TOKEN_KEYS_UNAVAILABLE",
            "the keys that sign tokens are not known at the moment")
        .retryAfter(Duration.ofSeconds(1));
  }

  /** The connection is older than its certificate's end. */
  public static Fault certificateExpired() {
    return Fault.of(
        Code.UNAUTHENTICATED,
        "CERTIFICATE_EXPIRED",
        "the connection's client certificate has expired");
  }

  /** Too many wrong credentials came from where this call comes from. */
  public static Fault tooManyFailures(Duration retryAfter) {
    return Fault.of(
            Code.RESOURCE_EXHAUSTED,
            "AUTHENTICATION_FAILURES",
            "too many failed authentications from this address")
        .quota("address", "failed authentications")
        .retryAfter(retryAfter)
        .pushback(retryAfter);
  }

  /** The principal lacks a role. */
  public static Fault noRole(String principal, String role) {
    return Fault.of(
            Code.PERMISSION_DENIED,
            "ROLE_MISSING",
            "principal '" + principal + "' has no role '" + role + "'")
        .metadata("principal", principal)
        .metadata("role", role);
  }

  /** The model is not in the principal's scope. Whether it exists is not told. */
  public static Fault notInScope(String clientId, String principal, String model) {
    return Fault.of(
            Code.PERMISSION_DENIED,
            "MODEL_NOT_IN_SCOPE",
            prefixed(
                clientId, "principal '" + principal + "' may not use model '" + cut(model) + "'"))
        .resource("model", cut(model))
        .metadata("principal", principal);
  }

  /**
   * A quota is used up.
   *
   * @param who such as {@code principal 'alice'}
   * @param subject the same for machines, such as {@code principal:alice/model:fraud}
   * @param where such as {@code " for model 'fraud'"}, or empty
   * @param unit {@code requests} or {@code bytes}
   */
  public static Fault overQuota(
      String who,
      String subject,
      String where,
      double perSecond,
      String unit,
      Duration retryAfter) {
    String number = perSecond == Math.rint(perSecond) ? "" + (long) perSecond : "" + perSecond;
    String rate = number + " " + unit + " per second";
    return Fault.of(
            Code.RESOURCE_EXHAUSTED,
            "QUOTA_EXCEEDED",
            who + " is over its quota of " + rate + where)
        .quota(subject, rate)
        .retryAfter(retryAfter)
        .pushback(retryAfter);
  }

  /** A message that no wait will ever make fit; clients must not try again. */
  public static Fault overBurst(String who, String subject, String where, long bytes, long burst) {
    return Fault.of(
            Code.RESOURCE_EXHAUSTED,
            "MESSAGE_OVER_QUOTA",
            who
                + " may send "
                + burst
                + " bytes at once"
                + where
                + ", and the message has "
                + bytes
                + "; it will never fit")
        .quota(subject, burst + " bytes at once")
        .pushback(NEVER);
  }

  /** A criticality that there is not. */
  public static Fault noSuchCriticality(String said) {
    return Fault.of(
            Code.INVALID_ARGUMENT,
            "NO_SUCH_CRITICALITY",
            "x-understudy-criticality: '"
                + cut(said)
                + "' (expected: critical, default or sheddable)")
        .violation("x-understudy-criticality", "expected: critical, default or sheddable");
  }

  /** Less time is left than the model recently needed. */
  public static Fault tooShort(
      String clientId, String model, long remainingNanos, long neededNanos) {
    return Fault.of(
            Code.DEADLINE_EXCEEDED,
            "DEADLINE_TOO_SHORT",
            prefixed(
                clientId,
                "the deadline leaves "
                    + millis(remainingNanos)
                    + " ms, and model '"
                    + cut(model)
                    + "' recently needed "
                    + millis(neededNanos)
                    + " ms or more"))
        .resource("model", cut(model));
  }

  /** Every backend of the arm has as many calls as it can take. */
  public static Fault backendsBusy(String clientId, String arm) {
    return Fault.of(
            Code.UNAVAILABLE,
            "BACKENDS_BUSY",
            prefixed(
                clientId,
                "Exceeds maximum queue size: every backend of arm '"
                    + arm
                    + "' has as many calls as it can take"))
        .retryAfter(Duration.ofMillis(100));
  }

  /** The caller asks like somebody who copies the model, and is held to a rate. */
  public static Fault suspicious(
      String clientId, String principal, String patterns, double perSecond, Duration retryAfter) {
    String rate = perSecond == Math.rint(perSecond) ? "" + (long) perSecond : "" + perSecond;
    return Fault.of(
            Code.RESOURCE_EXHAUSTED,
            "SUSPICIOUS_PATTERN",
            prefixed(
                clientId,
                "principal '"
                    + principal
                    + "' is held to "
                    + rate
                    + " requests per second because of suspicious patterns ("
                    + patterns
                    + ")"))
        .quota("principal:" + principal, rate + " requests per second: " + patterns)
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
    return Fault.of(Code.INVALID_ARGUMENT, "MALFORMED_MESSAGE", cut(what, MOST_TEXT_CHARS));
  }

  /** The request does not fit; the text says why. */
  public static Fault invalid(String clientId, String text) {
    return Fault.of(
        Code.INVALID_ARGUMENT, "INVALID_REQUEST", prefixed(clientId, cut(text, MOST_TEXT_CHARS)));
  }

  /**
   * The request breaks the model's data contract: all that is wrong at once, in as many field
   * violations as fit the trailers that every client takes.
   */
  public static Fault brokenContract(String clientId, String model, ContractFindings found) {
    List<ContractFindings.Violation> violations = found.violations();
    ContractFindings.Violation first = violations.getFirst();
    String count = found.refused() + (found.cut() ? " or more" : "");
    Fault fault =
        Fault.of(
                Code.INVALID_ARGUMENT,
                "CONTRACT_VIOLATED",
                prefixed(
                    clientId,
                    "the data contract of model '"
                        + cut(model)
                        + "' is broken: "
                        + cut(first.field())
                        + ": "
                        + cut(first.description())
                        + (found.refused() == 1 ? "" : "; violations in all: " + count)))
            .metadata("model", cut(model))
            .metadata("violations", count);
    int room = MOST_VIOLATION_BYTES;
    for (ContractFindings.Violation violation : violations) {
      String field = cut(violation.field());
      String description = cut(violation.description());
      // At most three bytes of UTF-8 for each char, and the message's own.
      room -= bytes(field) + bytes(description) + 8;
      if (room < 0) {
        break;
      }
      fault = fault.violation(field, description);
    }
    return fault;
  }

  private static String cut(String text) {
    return cut(text, MOST_CHARS);
  }

  private static String cut(String text, int most) {
    return text.length() <= most ? text : text.substring(0, most) + "…";
  }

  private static int bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }

  /** The model is less sure than its contract demands. */
  public static Fault unsure(String clientId, String model, double confidence, double least) {
    return Fault.of(
            Code.FAILED_PRECONDITION,
            "LOW_CONFIDENCE",
            prefixed(
                clientId,
                "model '"
                    + cut(model)
                    + "' is not sure enough of its answer: "
                    + confidence
                    + " (expected: at least "
                    + least
                    + ")"))
        .metadata("model", cut(model));
  }

  /** The model's answer is too far from its benchmark's. */
  public static Fault disagreement(String clientId, String model, double apart, double most) {
    return Fault.of(
            Code.FAILED_PRECONDITION,
            "BENCHMARK_DISAGREES",
            prefixed(
                clientId,
                "model '"
                    + cut(model)
                    + "' and its benchmark disagree by "
                    + apart
                    + " (expected: at most "
                    + most
                    + ")"))
        .metadata("model", cut(model));
  }

  /** No such model. */
  public static Fault unknownModel(String clientId, String model) {
    return Fault.of(
            Code.NOT_FOUND,
            "UNKNOWN_MODEL",
            prefixed(clientId, "Request for unknown model: '" + cut(model) + "' is not found"))
        .resource("model", cut(model));
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
                "Request for unknown model: '"
                    + cut(model)
                    + "' version "
                    + cut(version)
                    + " is not found"))
        .resource("model", cut(model));
  }

  /** A version is a whole number. */
  public static Fault versionIsNoInteger(String clientId, String version) {
    return Fault.of(
        Code.INVALID_ARGUMENT,
        "INVALID_VERSION",
        prefixed(
            clientId,
            "failed to get model version from specified version string '"
                + cut(version)
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
                    + cut(model)
                    + "' version "
                    + cut(version)
                    + " is not at ready state"))
        .resource("model", cut(model))
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
            "model '"
                + cut(model)
                + "' has no answering arm '"
                + cut(arm)
                + "' (header x-understudy-arm)"));
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
                    + cut(model)
                    + "' answered with "
                    + what
                    + " in output '"
                    + output
                    + "' (element "
                    + element
                    + ")"))
        .metadata("model", cut(model))
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

  /** With one digit behind the point, so that a part of a millisecond is seen. */
  private static String millis(long nanos) {
    long tenths = Math.max(0, nanos) / 100_000;
    return tenths / 10 + "." + tenths % 10;
  }

  /** Puts Triton's prefix before the text when the client gave an id. */
  public static String prefixed(String clientId, String text) {
    return clientId.isEmpty() ? text : "[request id: " + cut(clientId) + "] " + text;
  }
}
