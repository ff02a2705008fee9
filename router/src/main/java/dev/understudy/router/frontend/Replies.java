package dev.understudy.router.frontend;

import dev.understudy.chassis.error.Fault;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.call.Notes;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.StatusRuntimeException;
import org.jspecify.annotations.Nullable;

/** Metadata of answers. */
final class Replies {
  private static final Metadata.Key<String> ID =
      Metadata.Key.of(InferCall.ID_HEADER, Metadata.ASCII_STRING_MARSHALLER);
  private static final Metadata.Key<byte[]> TIMING =
      Metadata.Key.of("understudy-timing-bin", Metadata.BINARY_BYTE_MARSHALLER);

  private static final Metadata.Key<String> FLAGS =
      Metadata.Key.of("understudy-flags", Metadata.ASCII_STRING_MARSHALLER);
  private static final Metadata.Key<String> REVIEW =
      Metadata.Key.of("understudy-review-required", Metadata.ASCII_STRING_MARSHALLER);

  private Replies() {}

  static Metadata headers(String predictionId) {
    Metadata headers = new Metadata();
    if (!predictionId.isEmpty()) {
      headers.put(ID, predictionId);
    }
    return headers;
  }

  static Metadata trailers(byte @Nullable [] timing, Notes notes) {
    Metadata trailers = new Metadata();
    if (timing != null) {
      trailers.put(TIMING, timing);
    }
    note(trailers, notes);
    return trailers;
  }

  static void fail(ServerCall<?, ?> call, String predictionId, Fault fault, Notes notes) {
    fault.logIfUnforeseen();
    StatusRuntimeException e = fault.toGrpc();
    Metadata trailers = new Metadata();
    if (e.getTrailers() != null) {
      trailers.merge(e.getTrailers());
    }
    if (!predictionId.isEmpty()) {
      trailers.removeAll(ID);
      trailers.put(ID, predictionId);
    }
    note(trailers, notes);
    call.close(e.getStatus(), trailers);
  }

  private static void note(Metadata trailers, Notes notes) {
    if (!notes.flags().isEmpty()) {
      trailers.put(FLAGS, String.join(",", notes.flags()));
    }
    if (notes.reviewRequired()) {
      trailers.put(REVIEW, "true");
    }
    notes
        .trailers()
        .forEach((name, value) ->
            trailers.put(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), value));
  }
}
