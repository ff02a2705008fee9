package dev.understudy.chassis.error;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link Fault} knows beyond its code and text.
 *
 * @param reason {@code ErrorInfo.reason}
 * @param metadata {@code ErrorInfo.metadata}, in the order of its keys
 * @param violations {@code BadRequest.field_violations}
 * @param quotas {@code QuotaFailure.violations}
 * @param retryAfter {@code RetryInfo.retry_delay}
 * @param resource {@code ResourceInfo}
 * @param requestId {@code RequestInfo.request_id}
 * @param pushback the trailer {@code grpc-retry-pushback-ms}
 */
public record FaultDetails(
    String reason,
    Map<String, String> metadata,
    List<Violation> violations,
    List<Violation> quotas,
    @Nullable Duration retryAfter,
    @Nullable Resource resource,
    @Nullable String requestId,
    @Nullable Duration pushback) {

  /**
   * One thing that is wrong.
   *
   * @param subject the field of the request, or the subject of the quota
   * @param description what is wrong with it, and what was expected
   */
  public record Violation(String subject, String description) {}

  /**
   * A named thing.
   *
   * @param type such as {@code model}
   * @param name such as {@code fraud}
   */
  public record Resource(String type, String name) {}

  static FaultDetails of(String reason) {
    return new FaultDetails(reason, Map.of(), List.of(), List.of(), null, null, null, null);
  }

  FaultDetails withViolation(String field, String description) {
    return new FaultDetails(
        reason,
        metadata,
        plus(violations, new Violation(field, description)),
        quotas,
        retryAfter,
        resource,
        requestId,
        pushback);
  }

  FaultDetails withQuota(String subject, String description) {
    return new FaultDetails(
        reason,
        metadata,
        violations,
        plus(quotas, new Violation(subject, description)),
        retryAfter,
        resource,
        requestId,
        pushback);
  }

  FaultDetails withRetryAfter(Duration delay) {
    return new FaultDetails(
        reason, metadata, violations, quotas, delay, resource, requestId, pushback);
  }

  FaultDetails withResource(String type, String name) {
    return new FaultDetails(
        reason,
        metadata,
        violations,
        quotas,
        retryAfter,
        new Resource(type, name),
        requestId,
        pushback);
  }

  FaultDetails withMetadata(Map<String, String> changed) {
    return new FaultDetails(
        reason, changed, violations, quotas, retryAfter, resource, requestId, pushback);
  }

  FaultDetails withRequestId(String id) {
    return new FaultDetails(
        reason, metadata, violations, quotas, retryAfter, resource, id, pushback);
  }

  FaultDetails withPushback(Duration delay) {
    return new FaultDetails(
        reason, metadata, violations, quotas, retryAfter, resource, requestId, delay);
  }

  private static List<Violation> plus(List<Violation> some, Violation one) {
    var grown = new ArrayList<>(some);
    grown.add(one);
    return List.copyOf(grown);
  }
}
