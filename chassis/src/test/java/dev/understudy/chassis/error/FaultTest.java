package dev.understudy.chassis.error;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.rpc.ErrorInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class FaultTest {
  private final Fault full =
      Fault.of(Status.Code.RESOURCE_EXHAUSTED, "RATE_LIMITED", "too fast")
          .violation("inputs[0].shape", "[2] (expected: [1])")
          .violation("inputs[1].datatype", "FP16 (expected: FP32)")
          .quota("principal:alice", "10/s")
          .retryAfter(Duration.ofMillis(1250))
          .resource("model", "fraud")
          .metadata("limit", "10")
          .metadata("burst", "20")
          .requestId("id-1")
          .pushback(Duration.ofMillis(1250));

  @Test
  void everyDetailSurvivesTheWire() {
    Fault read = Fault.from(full.toGrpc());

    assertEquals(full.code(), read.code());
    assertEquals("too fast", read.getMessage());
    assertEquals(full.details(), read.details());
    assertEquals(full.toGrpc().getStatus().getCode(), read.toGrpc().getStatus().getCode());
  }

  @Test
  void errorInfoIsAlwaysSentWithOurDomain() throws Exception {
    StatusRuntimeException sent = Fault.of(Status.Code.NOT_FOUND, "NO_MODEL", "no such").toGrpc();

    Metadata trailers = sent.getTrailers();
    assertNotNull(trailers);
    var status = trailers.get(StatusDetails.DETAILS);
    assertNotNull(status);
    assertEquals(1, status.getDetailsCount());
    ErrorInfo info = status.getDetails(0).unpack(ErrorInfo.class);
    assertEquals("understudy.dev", info.getDomain());
    assertEquals("NO_MODEL", info.getReason());
    assertEquals(Status.Code.NOT_FOUND.value(), status.getCode());
    assertNull(trailers.get(StatusDetails.PUSHBACK));
    assertEquals("no such", sent.getStatus().getDescription());
  }

  @Test
  void aForbiddenRetryIsANegativePushback() {
    Metadata trailers =
        Fault.of(Status.Code.UNAVAILABLE, "SHED", "full")
            .pushback(Duration.ofMillis(-1))
            .toGrpc()
            .getTrailers();
    assertNotNull(trailers);
    assertEquals("-1", trailers.get(StatusDetails.PUSHBACK));
  }

  @Test
  void thrownThingsGetTheirCodes() {
    Map<Throwable, Status.Code> table =
        Map.of(
            new TimeoutException(),
            Status.Code.DEADLINE_EXCEEDED,
            new CancellationException(),
            Status.Code.CANCELLED,
            new RejectedExecutionException(),
            Status.Code.UNAVAILABLE,
            Status.ABORTED.withDescription("stale").asException(),
            Status.Code.ABORTED,
            new CompletionException(new TimeoutException()),
            Status.Code.DEADLINE_EXCEEDED,
            new IllegalStateException("secret"),
            Status.Code.INTERNAL);
    table.forEach((thrown, code) -> assertEquals(code, Fault.from(thrown).code()));
  }

  @Test
  void unforeseenFailuresGiveNothingAway() {
    Throwable cause = new IllegalStateException("password=hunter2");
    Fault fault = Fault.from(cause);

    assertFalse(String.valueOf(fault.toGrpc().getStatus().getDescription()).contains("hunter2"));
    assertFalse(String.valueOf(fault.toGrpc().getTrailers()).contains("hunter2"));
    assertSame(cause, fault.getCause());
  }

  @Test
  void unreadableDetailsDoNotHideTheStatus() {
    var trailers = new Metadata();
    trailers.put(
        Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER),
        new byte[] {1, 2, 3});
    Fault fault = Fault.from(Status.NOT_FOUND.withDescription("gone").asRuntimeException(trailers));

    assertEquals(Status.Code.NOT_FOUND, fault.code());
    assertEquals("gone", fault.getMessage());
    assertEquals("NOT_FOUND", fault.reason());
  }

  @Test
  void aCallThatIsClosedAlreadyIsLeftAlone() {
    var seen = new AtomicReference<Throwable>();
    StreamObserver<String> closed =
        new StreamObserver<>() {
          @Override
          public void onNext(String value) {}

          @Override
          public void onError(Throwable t) {
            seen.set(t);
            throw new IllegalStateException("call already closed");
          }

          @Override
          public void onCompleted() {}
        };
    Fault.fail(closed, full);
    assertEquals(Status.Code.RESOURCE_EXHAUSTED, Status.fromThrowable(seen.get()).getCode());
  }

  @Test
  void reasonsAreUpperSnake() {
    for (String bad : List.of("", "lower", "1X", "A-B", "Ab")) {
      assertThrows(
          IllegalArgumentException.class, () -> Fault.of(Status.Code.ABORTED, bad, "text"));
    }
    assertThrows(IllegalArgumentException.class, () -> Fault.of(Status.Code.OK, "FINE", "text"));
  }

  @Test
  void faultsCarryNoStackTrace() {
    assertEquals(0, full.getStackTrace().length);
  }
}
