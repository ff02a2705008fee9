package dev.understudy.launcher.doctor;

import dev.understudy.chassis.rpc.ClockHeader;
import io.grpc.Channel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.stub.MetadataUtils;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What a health check tells: whether the service is ready, how long the way takes, and how far its
 * clock is ahead of ours. The clock is read somewhere between question and answer, so the offset is
 * known up to half of the way there and back (Cristian, "Probabilistic clock synchronization",
 * 1989); of several checks the fastest counts.
 *
 * @param serving whether it says so; true for a server without a health service
 * @param roundTripMillis the fastest
 * @param ahead how far its clock is ahead; null when it does not tell its time
 */
record Pulse(boolean serving, double roundTripMillis, @Nullable Ahead ahead) {
  private static final int CHECKS = 5;
  private static final long PATIENCE_SECONDS = 3;

  /**
   * How far a clock is ahead of ours; behind, when negative.
   *
   * @param millis the middle of what it can be
   * @param uncertaintyMillis how far off that can be, half a millisecond of rounding included
   */
  record Ahead(double millis, double uncertaintyMillis) {
    /** Reads an answer that came {@code roundTrip} after a question asked at {@code asked}. */
    static Ahead of(long askedUnixMs, double roundTripMillis, long toldUnixMs) {
      double middle = askedUnixMs + roundTripMillis / 2;
      return new Ahead(toldUnixMs - middle, roundTripMillis / 2 + 1);
    }
  }

  /**
   * Feels it.
   *
   * @param wallMillis our own clock
   * @throws StatusRuntimeException when there is no answer
   */
  static Pulse of(Channel channel, LongSupplier wallMillis) {
    Pulse best = null;
    for (int i = 0; i < CHECKS; i++) {
      Pulse pulse = once(channel, wallMillis);
      if (best == null || pulse.roundTripMillis < best.roundTripMillis) {
        best = pulse;
      }
    }
    if (best == null) {
      throw new IllegalStateException("no check was made");
    }
    return best;
  }

  private static Pulse once(Channel channel, LongSupplier wallMillis) {
    AtomicReference<Metadata> headers = new AtomicReference<>();
    AtomicReference<Metadata> trailers = new AtomicReference<>();
    long asked = wallMillis.getAsLong();
    long from = System.nanoTime();
    boolean serving;
    try {
      serving =
          HealthGrpc.newBlockingStub(channel)
                  .withDeadlineAfter(PATIENCE_SECONDS, TimeUnit.SECONDS)
                  .withInterceptors(MetadataUtils.newCaptureMetadataInterceptor(headers, trailers))
                  .check(HealthCheckRequest.getDefaultInstance())
                  .getStatus()
              == ServingStatus.SERVING;
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() != Status.Code.UNIMPLEMENTED) {
        throw e;
      }
      serving = true;
    }
    double roundTrip = (System.nanoTime() - from) / 1e6;
    Metadata told = headers.get();
    String time = told == null ? null : told.get(ClockHeader.UNIX_MS);
    return new Pulse(serving, roundTrip, ahead(asked, roundTrip, time));
  }

  private static @Nullable Ahead ahead(long asked, double roundTrip, @Nullable String time) {
    try {
      return time == null ? null : Ahead.of(asked, roundTrip, Long.parseLong(time));
    } catch (NumberFormatException e) {
      return null;
    }
  }
}
