package dev.understudy.router.testing.engine;

import static dev.understudy.router.testing.engine.Stage.UNARY;
import static dev.understudy.router.testing.engine.Stage.binary;
import static dev.understudy.router.testing.engine.Stage.expect;
import static dev.understudy.router.testing.engine.Stage.expectBytes;
import static dev.understudy.router.testing.engine.Stage.expectTrue;
import static dev.understudy.router.testing.engine.Stage.text;

import com.google.rpc.QuotaFailure;
import com.google.rpc.RetryInfo;
import dev.understudy.router.call.Message;
import dev.understudy.router.call.Notes;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.testing.wire.WireClient;
import dev.understudy.router.testing.wire.WireEvent;
import io.netty.handler.codec.http2.Http2Headers;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPOutputStream;

/** {@code ModelInfer}: one message, one answer, and every way in which that does not come about. */
final class UnaryScenarios {
  private static final byte[] REQUEST = {10, 5, 'f', 'r', 'a', 'u', 'd'};

  private UnaryScenarios() {}

  static List<Scenario> all() {
    return List.of(
        new Scenario("a message is answered with the prediction id", UnaryScenarios::answered),
        new Scenario("a message may come in pieces of one byte", UnaryScenarios::inPieces),
        new Scenario("the end of a stream may come in a frame of its own", UnaryScenarios::lateEnd),
        new Scenario("a message may have no bytes", UnaryScenarios::noBytes),
        new Scenario("a large message is answered", UnaryScenarios::large),
        new Scenario("headers refuse a call before its message is taken", UnaryScenarios::refused),
        new Scenario("a failure carries text, id and notes", UnaryScenarios::failed),
        new Scenario("notes and timing are told in trailers", UnaryScenarios::told),
        new Scenario("headers are read by name, the last value counts", UnaryScenarios::headers),
        new Scenario("large metadata goes both ways", UnaryScenarios::largeMetadata),
        new Scenario("metadata over the limit fails its call alone", UnaryScenarios::tooMuch),
        new Scenario("a deadline is told, and none is none", UnaryScenarios::deadline),
        new Scenario("a call ends at its deadline", UnaryScenarios::pastDeadline),
        new Scenario("a reset cancels the call and gives its ticket back", UnaryScenarios::reset),
        new Scenario(
            "a reset before the message gives the ticket back", UnaryScenarios::resetEarly),
        new Scenario("a lost connection cancels its calls", UnaryScenarios::lost),
        new Scenario("an answer after the client has left goes nowhere", UnaryScenarios::tooLate),
        new Scenario("two messages are refused", UnaryScenarios::twoMessages),
        new Scenario("no message is refused", UnaryScenarios::noMessage),
        new Scenario("half a message is refused", UnaryScenarios::halfAMessage),
        new Scenario("a message over the limit is refused", UnaryScenarios::tooLarge),
        new Scenario("gzip is taken, or refused with what is taken", UnaryScenarios::gzip),
        new Scenario("an unknown compression is refused", UnaryScenarios::unknownCompression),
        new Scenario("a compressed message needs a named compression", UnaryScenarios::unnamed),
        new Scenario("many calls are under way on one connection", UnaryScenarios::many));
  }

  private static void send(Stage stage, int stream, byte[] message) throws IOException {
    stage.client.data(stream, WireClient.message(message), true);
  }

  private static void answered(Stage stage) throws Exception {
    stage.client.greet();
    int stream = stage.unary();
    send(stage, stream, REQUEST);
    stage.expectAnswer(stream, REQUEST);
    expectBytes("the request", REQUEST, stage.service.request(0).message());
    expect("a stream", false, stage.service.lastOpened().stream());
    Http2Headers head = stage.head(stream);
    expect(":status", "200", text(head, ":status"));
    expect("content-type", "application/grpc", text(head, "content-type"));
    expect("id", ScriptedService.ID, text(head, "understudy-prediction-id"));
    stage.service.awaitClosed(1);
  }

  private static void inPieces(Stage stage) throws Exception {
    stage.client.greet();
    int stream = stage.unary();
    byte[] all = WireClient.message(REQUEST);
    for (int i = 0; i < all.length; i++) {
      stage.client.data(stream, new byte[] {all[i]}, i == all.length - 1);
    }
    stage.expectAnswer(stream, REQUEST);
  }

  private static void lateEnd(Stage stage) throws Exception {
    stage.client.greet();
    int stream = stage.unary();
    stage.client.data(stream, WireClient.message(REQUEST), false);
    stage.client.frame(WireClient.PING, 0, 0, new byte[8]);
    stage.client.await(WireEvent.Ping.class, WireEvent.Ping::ack);
    // The call begins with its message, so that the message is counted from then on.
    expect("requests before the end", 1, stage.service.requests());
    stage.client.frame(WireClient.DATA, WireClient.END_STREAM, stream);
    stage.expectAnswer(stream, REQUEST);
  }

  private static void noBytes(Stage stage) throws Exception {
    stage.client.greet();
    int stream = stage.unary();
    send(stage, stream, new byte[0]);
    stage.expectAnswer(stream, new byte[0]);
  }

  private static void large(Stage stage) throws Exception {
    stage.client.greet();
    byte[] message = new byte[60_000];
    Arrays.fill(message, (byte) 7);
    int stream = stage.unary();
    send(stage, stream, message);
    stage.expectAnswer(stream, message);
  }

  private static void refused(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.refuse(headers ->
        Refusals.overQuota(
            "principal 'alice'", "principal:alice", "", 5, "requests", Duration.ofMillis(250)));
    int stream = stage.unary();
    expect("status", 8, stage.status(stream));
    expect(
        "text", "principal 'alice' is over its quota of 5 requests per second", stage.told(stream));
    com.google.rpc.Status details = stage.details(stream);
    expect("code in details", 8, details.getCode());
    expectTrue(
        "QuotaFailure names the principal",
        details.getDetailsList().stream()
            .filter(any -> any.is(QuotaFailure.class))
            .anyMatch(any -> any.toString().contains("principal:alice")));
    expectTrue(
        "RetryInfo is there",
        details.getDetailsList().stream().anyMatch(any -> any.is(RetryInfo.class)));
    expect(
        "pushback", "250", text(stage.client.trailers(stream).headers(), "grpc-retry-pushback-ms"));
    expect("requests", 0, stage.service.requests());
    stage.expectServes();
  }

  private static void failed(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.onRequest(request -> {
      Notes notes = new Notes();
      notes.review("guard.range");
      notes.trailer("x-left", "3");
      request.reply().fail(ScriptedService.ID, Refusals.invalid("", "100 % wrong: ä\n"), notes);
    });
    int stream = stage.unary();
    send(stage, stream, REQUEST);
    expect("status", 3, stage.status(stream));
    expect("text", "100 % wrong: ä\n", stage.told(stream));
    Http2Headers trailers = stage.client.trailers(stream).headers();
    expect("id", ScriptedService.ID, text(trailers, "understudy-prediction-id"));
    expect("flags", "guard.range", text(trailers, "understudy-flags"));
    expect("review", "true", text(trailers, "understudy-review-required"));
    expect("trailer", "3", text(trailers, "x-left"));
    stage.service.awaitClosed(1);
  }

  private static void told(Stage stage) throws Exception {
    stage.client.greet();
    byte[] timing = {1, 2, 3, (byte) 0xff};
    stage.service.onRequest(request -> {
      Notes notes = new Notes();
      notes.flag("contract.amount");
      notes.flag("contract.age");
      request
          .reply()
          .ok(ScriptedService.ID, new Message(new byte[] {8}, new byte[] {1}), timing, notes);
    });
    int stream = stage.unary();
    send(stage, stream, REQUEST);
    stage.expectAnswer(stream, new byte[] {8, 1});
    Http2Headers trailers = stage.client.trailers(stream).headers();
    expectBytes("timing", timing, binary(trailers, "understudy-timing-bin"));
    expect("flags", "contract.amount,contract.age", text(trailers, "understudy-flags"));
  }

  private static void headers(Stage stage) throws Exception {
    stage.client.greet();
    int stream =
        stage.unary("x-a", "1", "x-a", "2", "x-b", "with space", "x-c-bin", "AAEC", "x-d", "");
    send(stage, stream, REQUEST);
    stage.expectAnswer(stream, REQUEST);
    var headers = stage.service.lastOpened().headers();
    expect("repeated", "2", headers.get("x-a"));
    expect("with a space", "with space", headers.get("x-b"));
    expect("binary is no text", null, headers.get("x-c-bin"));
    expect("empty", "", headers.get("x-d"));
    expect("absent", null, headers.get("x-e"));
    expect("no name", null, headers.get(""));
    expect("no possible name", null, headers.get("Not A Name"));
  }

  private static void largeMetadata(Stage stage) throws Exception {
    stage.client.greet();
    String large = "v".repeat(20_000);
    stage.service.onRequest(request -> {
      Notes notes = new Notes();
      notes.trailer("x-large", large);
      request.reply().ok(ScriptedService.ID, Message.of(request.message()), null, notes);
    });
    int stream = stage.unary("x-large", large);
    send(stage, stream, REQUEST);
    stage.expectAnswer(stream, REQUEST);
    expect("received", large, stage.service.lastOpened().headers().get("x-large"));
    expect("sent back", large, text(stage.client.trailers(stream).headers(), "x-large"));
  }

  private static void tooMuch(Stage stage) throws Exception {
    stage.client.greet();
    int stream = stage.unary("x-large", "v".repeat(35_000));
    expect(":status", "431", text(stage.client.trailers(stream).headers(), ":status"));
    expect("opened", 0, stage.service.opened());
    stage.expectServes();
  }

  private static void deadline(Stage stage) throws Exception {
    stage.client.greet();
    int stream = stage.unary("grpc-timeout", "20S");
    send(stage, stream, REQUEST);
    stage.expectAnswer(stream, REQUEST);
    long left = stage.service.lastOpened().deadlineNanos() - System.nanoTime();
    expectTrue("about 20 s are left: " + left, left > 0 && left <= TimeUnit.SECONDS.toNanos(20));
    stage.expectServes();
    expect("without", Long.MAX_VALUE, stage.service.lastOpened().deadlineNanos());
  }

  private static void pastDeadline(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.hold();
    int stream = stage.unary("grpc-timeout", "100m");
    send(stage, stream, REQUEST);
    stage.client.await(
        WireEvent.class,
        event ->
            (event instanceof WireEvent.Reset reset && reset.stream() == stream)
                || (event instanceof WireEvent.Headers headers
                    && headers.stream() == stream
                    && "4".contentEquals(text(headers.headers(), "grpc-status"))));
    stage.service.awaitClosed(1);
    stage.expectServes();
  }

  private static void reset(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.hold();
    int stream = stage.unary();
    send(stage, stream, REQUEST);
    ScriptedService.Request request = stage.service.request(0);
    expect("cancelled before", false, request.isCancelled());
    stage.client.reset(stream, 8);
    ScriptedService.await("the request is cancelled", request::isCancelled);
    stage.service.awaitClosed(1);
    stage.expectServes();
  }

  private static void resetEarly(Stage stage) throws Exception {
    stage.client.greet();
    int stream = stage.unary();
    stage.client.data(stream, new byte[] {0, 0, 0}, false);
    expect("a stream", false, stage.service.lastOpened().stream());
    stage.client.reset(stream, 8);
    stage.service.awaitClosed(1);
    expect("requests", 0, stage.service.requests());
    stage.expectServes();
  }

  private static void lost(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.hold();
    for (int i = 0; i < 3; i++) {
      send(stage, stage.unary(), REQUEST);
    }
    for (int i = 0; i < 3; i++) {
      expect("cancelled before", false, stage.service.request(i).isCancelled());
    }
    stage.client.close();
    for (int i = 0; i < 3; i++) {
      ScriptedService.await("a request is cancelled", stage.service.request(i)::isCancelled);
    }
    stage.service.awaitClosed(3);
  }

  private static void tooLate(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.hold();
    int stream = stage.unary();
    send(stage, stream, REQUEST);
    ScriptedService.Request request = stage.service.request(0);
    stage.client.reset(stream, 8);
    ScriptedService.await("the request is cancelled", request::isCancelled);
    request.echo();
    request.reply().fail("", Refusals.tooLate(), new Notes());
    stage.expectServes();
    expect("messages", 0, stage.messages(stream).size());
  }

  private static void twoMessages(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.hold();
    int stream = stage.unary();
    stage.client.data(stream, WireClient.message(REQUEST), false);
    send(stage, stream, REQUEST);
    stage.expectFails(stream);
    expect("requests", 1, stage.service.requests());
    ScriptedService.Request first = stage.service.request(0);
    ScriptedService.await("what the first began is cancelled", first::isCancelled);
    stage.service.awaitClosed(1);
    stage.service.onRequest(ScriptedService.Request::echo);
    stage.expectServes();
  }

  private static void noMessage(Stage stage) throws Exception {
    stage.client.greet();
    int stream = stage.client.open(Stage.call(UNARY), true);
    expect("status", 13, stage.status(stream));
    expect("requests", 0, stage.service.requests());
    stage.service.awaitClosed(1);
    stage.expectServes();
  }

  private static void halfAMessage(Stage stage) throws Exception {
    stage.client.greet();
    int stream = stage.unary();
    stage.client.data(stream, Arrays.copyOf(WireClient.message(REQUEST), 8), true);
    stage.expectFails(stream);
    expect("requests", 0, stage.service.requests());
    stage.service.awaitClosed(1);
    stage.expectServes();
  }

  private static void tooLarge(Stage stage) throws Exception {
    stage.client.greet();
    int stream = stage.unary();
    byte[] head = {0, 0, 0x20, 0, 0, 1, 2, 3};
    stage.client.data(stream, head, false);
    expect("status", 8, stage.status(stream));
    expectTrue("the limit is named: " + stage.told(stream), stage.told(stream).contains("1048576"));
    expect("requests", 0, stage.service.requests());
    stage.service.awaitClosed(1);
    stage.expectServes();
  }

  private static void gzip(Stage stage) throws Exception {
    stage.client.greet();
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
      out.write(REQUEST);
    }
    byte[] message = WireClient.message(packed.toByteArray());
    message[0] = 1;
    int stream = stage.unary("grpc-encoding", "gzip");
    stage.client.data(stream, message, true);
    if (stage.status(stream) == 12) {
      expectTrue(
          "what is taken is told",
          stage.client.trailers(stream).headers().contains("grpc-accept-encoding"));
    } else {
      stage.expectAnswer(stream, REQUEST);
    }
    stage.expectServes();
  }

  private static void unknownCompression(Stage stage) throws Exception {
    stage.client.greet();
    int stream = stage.unary("grpc-encoding", "snappy");
    stage.client.data(stream, WireClient.message(REQUEST), true);
    expect("status", 12, stage.status(stream));
    expect("requests", 0, stage.service.requests());
    stage.expectServes();
  }

  private static void unnamed(Stage stage) throws Exception {
    stage.client.greet();
    byte[] message = WireClient.message(REQUEST);
    message[0] = 1;
    int stream = stage.unary();
    stage.client.data(stream, message, true);
    expect("status", 13, stage.status(stream));
    expect("requests", 0, stage.service.requests());
    stage.service.awaitClosed(1);
    stage.expectServes();
  }

  private static void many(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.hold();
    int[] streams = new int[100];
    for (int i = 0; i < streams.length; i++) {
      streams[i] = stage.unary();
      send(stage, streams[i], new byte[] {8, (byte) (i & 0x7f)});
    }
    for (int i = streams.length - 1; i >= 0; i--) {
      stage.service.request(i).echo();
    }
    for (int i = 0; i < streams.length; i++) {
      stage.expectAnswer(streams[i], new byte[] {8, (byte) (i & 0x7f)});
    }
    stage.service.awaitClosed(streams.length);
  }
}
