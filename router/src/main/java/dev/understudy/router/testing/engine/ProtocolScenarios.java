package dev.understudy.router.testing.engine;

import static dev.understudy.router.testing.engine.Stage.UNARY;
import static dev.understudy.router.testing.engine.Stage.call;
import static dev.understudy.router.testing.engine.Stage.expect;
import static dev.understudy.router.testing.engine.Stage.expectTrue;
import static dev.understudy.router.testing.engine.Stage.text;

import dev.understudy.router.testing.wire.WireClient;
import dev.understudy.router.testing.wire.WireEvent;
import io.netty.handler.codec.http2.Http2Headers;
import java.util.List;

/** What gRPC over HTTP/2 asks of a request, and what HTTP/2 asks of everybody. */
final class ProtocolScenarios {
  private static final byte[] REQUEST = {8, 1};

  private ProtocolScenarios() {}

  static List<Scenario> all() {
    return List.of(
        new Scenario("another content type is 415", ProtocolScenarios::contentType),
        new Scenario("subtypes of gRPC's content type are taken", ProtocolScenarios::subtype),
        new Scenario("another HTTP method is 405", ProtocolScenarios::httpMethod),
        new Scenario("an unknown method is UNIMPLEMENTED", ProtocolScenarios::unknownMethod),
        new Scenario("an unknown service is UNIMPLEMENTED", ProtocolScenarios::unknownService),
        new Scenario("a missing te is forgiven", ProtocolScenarios::missingTe),
        new Scenario("a deadline that is none fails its call alone", ProtocolScenarios::badTimeout),
        new Scenario("settings and pings are acknowledged", ProtocolScenarios::acknowledged),
        new Scenario("unknown frames and settings are ignored", ProtocolScenarios::unknown),
        new Scenario("padding is no data", ProtocolScenarios::padding),
        new Scenario("a header block may come in pieces", ProtocolScenarios::continuation),
        new Scenario("another frame inside a header block ends all", ProtocolScenarios::inside),
        new Scenario("data on a stream that never was ends all", ProtocolScenarios::neverWas),
        new Scenario("data on a stream that has ended is refused", ProtocolScenarios::afterEnd),
        new Scenario("an even stream number ends all", ProtocolScenarios::even),
        new Scenario("a stream number that falls is refused", ProtocolScenarios::falling),
        new Scenario("broken compression of headers ends all", ProtocolScenarios::brokenBlock),
        new Scenario("a window update of nothing is refused", ProtocolScenarios::nothing));
  }

  private static void contentType(Stage stage) throws Exception {
    stage.client.greet();
    Http2Headers headers = call(UNARY).set("content-type", "application/json");
    int stream = stage.client.open(headers, false);
    expect(":status", "415", text(stage.head(stream), ":status"));
    expect("opened", 0, stage.service.opened());
    stage.expectServes();
  }

  private static void subtype(Stage stage) throws Exception {
    stage.client.greet();
    for (String type : List.of("application/grpc+proto", "application/grpc;charset=utf-8")) {
      int stream = stage.client.open(call(UNARY).set("content-type", type), false);
      stage.client.data(stream, WireClient.message(REQUEST), true);
      stage.expectAnswer(stream, REQUEST);
    }
  }

  private static void httpMethod(Stage stage) throws Exception {
    stage.client.greet();
    int stream = stage.client.open(call(UNARY).method("PUT"), false);
    expect(":status", "405", text(stage.head(stream), ":status"));
    expect("opened", 0, stage.service.opened());
    stage.expectServes();
  }

  private static void unknownMethod(Stage stage) throws Exception {
    unimplemented(stage, "/inference.GRPCInferenceService/ModelDream");
  }

  private static void unknownService(Stage stage) throws Exception {
    unimplemented(stage, "/tensorflow.serving.PredictionService/Predict");
  }

  private static void unimplemented(Stage stage, String path) throws Exception {
    stage.client.greet();
    int stream = stage.client.open(call(path), false);
    stage.client.data(stream, WireClient.message(REQUEST), true);
    expect("status", 12, stage.status(stream));
    expectTrue(
        "the method is named: " + stage.told(stream),
        stage.told(stream).contains(path.substring(1)));
    stage.expectServes();
  }

  private static void missingTe(Stage stage) throws Exception {
    stage.client.greet();
    Http2Headers headers = call(UNARY);
    headers.remove("te");
    int stream = stage.client.open(headers, false);
    stage.client.data(stream, WireClient.message(REQUEST), true);
    stage.expectAnswer(stream, REQUEST);
  }

  private static void badTimeout(Stage stage) throws Exception {
    stage.client.greet();
    for (String timeout : List.of("soon", "5", "S", "-1S", "1234567890S", "1x")) {
      int stream = stage.unary("grpc-timeout", timeout);
      stage.expectFails(stream);
    }
    expect("requests", 0, stage.service.requests());
    stage.expectServes();
  }

  private static void acknowledged(Stage stage) throws Exception {
    stage.client.greet();
    stage.client.await(WireEvent.Settings.class, settings -> !settings.ack());
    stage.client.await(WireEvent.Settings.class, WireEvent.Settings::ack);
    stage.client.frame(WireClient.PING, 0, 0, new byte[] {1, 2, 3, 4, 5, 6, 7, 8});
    stage.client.await(WireEvent.Ping.class, WireEvent.Ping::ack);
    stage.expectServes();
  }

  private static void unknown(Stage stage) throws Exception {
    // Settings 0x99 is nobody's.
    stage.client.greet(0x99, 7);
    stage.client.frame(0x42, 0xff, 0, new byte[100]);
    int stream = stage.unary();
    stage.client.frame(0x42, 0, stream, new byte[10]);
    stage.client.data(stream, WireClient.message(REQUEST), true);
    stage.expectAnswer(stream, REQUEST);
  }

  private static void padding(Stage stage) throws Exception {
    stage.client.greet();
    byte[] message = WireClient.message(REQUEST);
    byte[] padded = new byte[1 + message.length + 20];
    padded[0] = 20;
    System.arraycopy(message, 0, padded, 1, message.length);
    int stream = stage.unary();
    // Flags PADDED and END_STREAM.
    stage.client.frame(WireClient.DATA, 8 | WireClient.END_STREAM, stream, padded);
    stage.expectAnswer(stream, REQUEST);
  }

  private static void continuation(Stage stage) throws Exception {
    stage.client.greet();
    byte[] block = stage.client.block(call(UNARY, "x-a", "1"));
    int stream = stage.client.newStream();
    int half = block.length / 2;
    stage.client.frame(WireClient.HEADERS, 0, stream, java.util.Arrays.copyOf(block, half));
    stage.client.frame(
        WireClient.CONTINUATION,
        WireClient.END_HEADERS,
        stream,
        java.util.Arrays.copyOfRange(block, half, block.length));
    stage.client.data(stream, WireClient.message(REQUEST), true);
    stage.expectAnswer(stream, REQUEST);
    expect("header", "1", stage.service.lastOpened().headers().get("x-a"));
  }

  private static void inside(Stage stage) throws Exception {
    stage.client.greet();
    int stream = stage.client.newStream();
    stage.client.frame(WireClient.HEADERS, 0, stream, stage.client.block(call(UNARY)));
    stage.client.frame(WireClient.PING, 0, 0, new byte[8]);
    expectConnectionError(stage, 1);
  }

  private static void neverWas(Stage stage) throws Exception {
    stage.client.greet();
    stage.client.frame(WireClient.DATA, 0, 99, new byte[5]);
    expectConnectionError(stage, 1);
  }

  private static void afterEnd(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.hold();
    int stream = stage.unary();
    stage.client.data(stream, WireClient.message(REQUEST), true);
    stage.service.request(0);
    stage.client.data(stream, WireClient.message(REQUEST), true);
    // STREAM_CLOSED, for the stream or for all.
    stage.client.await(
        WireEvent.class,
        event ->
            (event instanceof WireEvent.Reset reset && reset.stream() == stream)
                || (event instanceof WireEvent.GoAway goAway && goAway.code() == 5));
    stage.service.awaitClosed(1);
    expect("requests", 1, stage.service.requests());
  }

  private static void even(Stage stage) throws Exception {
    stage.client.greet();
    stage.client.headers(2, call(UNARY), false);
    expectConnectionError(stage, 1);
  }

  private static void falling(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.hold();
    stage.client.headers(5, call(UNARY), false);
    stage.client.headers(3, call(UNARY), false);
    // RFC 9113, section 5.1.1, asks for the end of all; the end of the stream alone harms nobody.
    stage.client.await(
        WireEvent.class,
        event ->
            (event instanceof WireEvent.Reset reset && reset.stream() == 3)
                || event instanceof WireEvent.GoAway);
    stage.client.close();
    stage.service.awaitClosed(1);
    expect("opened", 1, stage.service.opened());
  }

  private static void brokenBlock(Stage stage) throws Exception {
    stage.client.greet();
    stage.client.frame(
        WireClient.HEADERS,
        WireClient.END_HEADERS,
        stage.client.newStream(),
        // An index that no table has.
        new byte[] {(byte) 0xff, (byte) 0xff, (byte) 0xff, 0x7f});
    expectConnectionError(stage, 9);
  }

  private static void nothing(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.hold();
    int stream = stage.unary();
    stage.client.data(stream, WireClient.message(REQUEST), true);
    stage.service.request(0);
    stage.client.window(stream, 0);
    expect("PROTOCOL_ERROR", 1L, stage.client.resetOf(stream).code());
    stage.service.awaitClosed(1);
    stage.expectServes();
  }

  private static void expectConnectionError(Stage stage, long code) {
    expect("the code of GOAWAY", code, stage.client.goAway().code());
    stage.client.closed();
  }
}
