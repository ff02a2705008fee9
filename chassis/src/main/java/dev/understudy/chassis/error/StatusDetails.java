package dev.understudy.chassis.error;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.QuotaFailure;
import com.google.rpc.RequestInfo;
import com.google.rpc.ResourceInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.ProtoUtils;
import java.time.DateTimeException;
import java.time.Duration;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Writes and reads the {@code google.rpc} details that travel beside a gRPC status. */
final class StatusDetails {
  static final Metadata.Key<com.google.rpc.Status> DETAILS =
      Metadata.Key.of(
          "grpc-status-details-bin",
          ProtoUtils.metadataMarshaller(com.google.rpc.Status.getDefaultInstance()));
  static final Metadata.Key<String> PUSHBACK =
      Metadata.Key.of("grpc-retry-pushback-ms", Metadata.ASCII_STRING_MARSHALLER);

  private StatusDetails() {}

  static StatusRuntimeException encode(Fault fault) {
    FaultDetails details = fault.details();
    var status =
        com.google.rpc.Status.newBuilder()
            .setCode(fault.code().value())
            .setMessage(String.valueOf(fault.getMessage()));
    add(
        status,
        ErrorInfo.newBuilder()
            .setReason(details.reason())
            .setDomain(Fault.DOMAIN)
            .putAllMetadata(details.metadata())
            .build());
    if (!details.violations().isEmpty()) {
      var bad = BadRequest.newBuilder();
      for (var violation : details.violations()) {
        bad.addFieldViolationsBuilder()
            .setField(violation.subject())
            .setDescription(violation.description())
            .setReason(details.reason());
      }
      add(status, bad.build());
    }
    if (!details.quotas().isEmpty()) {
      var quota = QuotaFailure.newBuilder();
      for (var violation : details.quotas()) {
        quota
            .addViolationsBuilder()
            .setSubject(violation.subject())
            .setDescription(violation.description());
      }
      add(status, quota.build());
    }
    if (details.retryAfter() != null) {
      Duration delay = details.retryAfter();
      add(
          status,
          RetryInfo.newBuilder()
              .setRetryDelay(
                  com.google.protobuf.Duration.newBuilder()
                      .setSeconds(delay.getSeconds())
                      .setNanos(delay.getNano()))
              .build());
    }
    if (details.resource() != null) {
      add(
          status,
          ResourceInfo.newBuilder()
              .setResourceType(details.resource().type())
              .setResourceName(details.resource().name())
              .build());
    }
    if (details.requestId() != null) {
      add(status, RequestInfo.newBuilder().setRequestId(details.requestId()).build());
    }
    var trailers = new Metadata();
    trailers.put(DETAILS, status.build());
    if (details.pushback() != null) {
      trailers.put(PUSHBACK, Long.toString(details.pushback().toMillis()));
    }
    return fault
        .code()
        .toStatus()
        .withDescription(fault.getMessage())
        .withCause(fault.getCause())
        .asRuntimeException(trailers);
  }

  /** Reads a status that a peer sent. Details that cannot be read are treated as absent. */
  static Fault decode(Status status, @Nullable Metadata trailers, Throwable cause) {
    Status.Code code = status.getCode() == Status.Code.OK ? Status.Code.UNKNOWN : status.getCode();
    String text = status.getDescription() == null ? code.name() : status.getDescription();
    FaultDetails details = FaultDetails.of(code.name());
    if (trailers != null) {
      try {
        com.google.rpc.Status sent = trailers.get(DETAILS);
        if (sent != null) {
          for (Any any : sent.getDetailsList()) {
            details = read(details, any);
          }
        }
        String pushback = trailers.get(PUSHBACK);
        if (pushback != null) {
          details = details.withPushback(Duration.ofMillis(Long.parseLong(pushback)));
        }
      } catch (IllegalArgumentException
          | InvalidProtocolBufferException
          | DateTimeException
          | ArithmeticException unreadable) {
        details = FaultDetails.of(details.reason());
      }
    }
    return new Fault(code, text, details, cause);
  }

  private static FaultDetails read(FaultDetails details, Any any)
      throws InvalidProtocolBufferException {
    if (any.is(ErrorInfo.class)) {
      ErrorInfo info = any.unpack(ErrorInfo.class);
      FaultDetails named =
          new FaultDetails(
              info.getReason().isEmpty() ? details.reason() : info.getReason(),
              details.metadata(),
              details.violations(),
              details.quotas(),
              details.retryAfter(),
              details.resource(),
              details.requestId(),
              details.pushback());
      return named.withMetadata(new TreeMap<>(info.getMetadataMap()));
    }
    if (any.is(BadRequest.class)) {
      FaultDetails grown = details;
      for (var violation : any.unpack(BadRequest.class).getFieldViolationsList()) {
        grown = grown.withViolation(violation.getField(), violation.getDescription());
      }
      return grown;
    }
    if (any.is(QuotaFailure.class)) {
      FaultDetails grown = details;
      for (var violation : any.unpack(QuotaFailure.class).getViolationsList()) {
        grown = grown.withQuota(violation.getSubject(), violation.getDescription());
      }
      return grown;
    }
    if (any.is(RetryInfo.class)) {
      var delay = any.unpack(RetryInfo.class).getRetryDelay();
      return details.withRetryAfter(Duration.ofSeconds(delay.getSeconds(), delay.getNanos()));
    }
    if (any.is(ResourceInfo.class)) {
      ResourceInfo info = any.unpack(ResourceInfo.class);
      return details.withResource(info.getResourceType(), info.getResourceName());
    }
    if (any.is(RequestInfo.class)) {
      return details.withRequestId(any.unpack(RequestInfo.class).getRequestId());
    }
    return details;
  }

  private static void add(com.google.rpc.Status.Builder status, Message detail) {
    status.addDetails(Any.pack(detail));
  }
}
