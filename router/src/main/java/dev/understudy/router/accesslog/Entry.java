package dev.understudy.router.accesslog;

import java.util.List;

/**
 * What a line says of a call. Texts are empty, and numbers -1, where nothing is known: a call may
 * be refused before it has an id, a model, or a caller.
 *
 * @param unixMs when the call came, or was refused
 * @param clientId the client's own id
 * @param asked the version that was asked for
 * @param assigned the arm that the split chose
 * @param arm the arm that answered, or would have
 * @param version the arm's
 * @param status gRPC's word, such as {@code OK}
 * @param reason why it was refused or failed, as in the status details
 * @param totalNanos from its headers to its answer
 * @param upstreamNanos of the attempt that answered
 * @param traceId when it was traced
 */
public record Entry(
    long unixMs,
    String predictionId,
    String clientId,
    String principal,
    String model,
    String asked,
    String assigned,
    String arm,
    String version,
    String status,
    String reason,
    long totalNanos,
    long upstreamNanos,
    long requestBytes,
    long responseBytes,
    List<String> flags,
    boolean reviewRequired,
    String traceId) {
  /** A number that is not known. */
  public static final long UNKNOWN = -1;
}
