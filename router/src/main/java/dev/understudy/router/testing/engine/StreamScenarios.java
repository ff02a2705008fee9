package dev.understudy.router.testing.engine;

import static dev.understudy.router.testing.engine.Stage.expect;
import static dev.understudy.router.testing.engine.Stage.expectTrue;
import static dev.understudy.router.testing.engine.Stage.text;

import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ModelStreamInferResponse;
import dev.understudy.router.call.Message;
import dev.understudy.router.call.Notes;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.testing.wire.WireClient;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** {@code ModelStreamInfer}: each message is a request, and the answers keep their order. */
final class StreamScenarios {
  /** The most requests of one stream that may be under way. */
  private static final int WINDOW = 16;

  private StreamScenarios() {}

  static List<Scenario> all() {
    return List.of(
        new Scenario("a stream has headers before its first request", StreamScenarios::headers),
        new Scenario("answers keep the order of the requests", StreamScenarios::ordered),
        new Scenario("a failed request is told and the stream goes on", StreamScenarios::failed),
        new Scenario("requests under way on a stream are bounded", StreamScenarios::bounded),
        new Scenario("a stream without requests ends well", StreamScenarios::empty),
        new Scenario("several messages may come in one frame", StreamScenarios::together),
        new Scenario("a reset cancels all requests of a stream", StreamScenarios::reset),
        new Scenario("a refused stream is refused as a call is", StreamScenarios::refused),
        new Scenario("answers wait for the client's window", StreamScenarios::slowReader));
  }

  private static byte[] response(String id) {
    return ModelInferResponse.newBuilder().setId(id).build().toByteArray();
  }

  private static void answer(ScriptedService.Request request, String id) {
    request.reply().ok(ScriptedService.ID, Message.of(response(id)), null, new Notes());
  }

  private static void send(Stage stage, int stream, String id, boolean end) throws IOException {
    stage.client.data(stream, WireClient.message(response(id)), end);
  }

  private static List<ModelStreamInferResponse> answers(Stage stage, int stream)
      throws IOException {
    List<ModelStreamInferResponse> all = new ArrayList<>();
    for (byte[] message : stage.messages(stream)) {
      all.add(ModelStreamInferResponse.parseFrom(message));
    }
    return all;
  }

  private static List<String> ids(Stage stage, int stream) throws IOException {
    return answers(stage, stream).stream()
        .map(answer -> answer.getInferResponse().getId())
        .toList();
  }

  private static void headers(Stage stage) throws Exception {
    stage.client.greet();
    int stream = stage.stream();
    expect(":status", "200", text(stage.head(stream), ":status"));
    expect("a stream", true, stage.service.lastOpened().stream());
    stage.client.frame(WireClient.DATA, WireClient.END_STREAM, stream);
    expect("status", 0, stage.status(stream));
  }

  private static void ordered(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.hold();
    int stream = stage.stream();
    for (int i = 0; i < 5; i++) {
      send(stage, stream, "q" + i, i == 4);
    }
    for (int i : new int[] {3, 1, 4, 0, 2}) {
      answer(stage.service.request(i), "a" + i);
    }
    expect("status", 0, stage.status(stream));
    expect("ids", List.of("a0", "a1", "a2", "a3", "a4"), ids(stage, stream));
    for (ModelStreamInferResponse answer : answers(stage, stream)) {
      expectTrue(
          "each says that it is final",
          answer.getInferResponse().getParametersOrThrow("triton_final_response").getBoolParam());
    }
    stage.service.awaitClosed(1);
  }

  private static void failed(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.hold();
    int stream = stage.stream();
    for (int i = 0; i < 3; i++) {
      send(stage, stream, "q" + i, i == 2);
    }
    answer(stage.service.request(0), "a0");
    stage.service.request(1).reply().fail("", Refusals.invalid("", "wrong"), new Notes());
    answer(stage.service.request(2), "a2");
    expect("status", 0, stage.status(stream));
    expect("ids", List.of("a0", "", "a2"), ids(stage, stream));
    expect("text", "wrong", answers(stage, stream).get(1).getErrorMessage());
  }

  private static void bounded(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.hold();
    int stream = stage.stream();
    int all = 5 * WINDOW;
    for (int i = 0; i < all; i++) {
      send(stage, stream, "q" + i, i == all - 1);
    }
    for (int i = 0; i < all; i++) {
      ScriptedService.Request request = stage.service.request(i);
      expectTrue("at most " + WINDOW + " are under way", stage.service.requests() <= i + WINDOW);
      answer(request, "a" + i);
    }
    expect("status", 0, stage.status(stream));
    expect("answers", all, ids(stage, stream).size());
  }

  private static void empty(Stage stage) throws Exception {
    stage.client.greet();
    int stream = stage.client.open(Stage.call(Stage.STREAM), true);
    expect("status", 0, stage.status(stream));
    expect("messages", 0, stage.messages(stream).size());
    stage.service.awaitClosed(1);
  }

  private static void together(Stage stage) throws Exception {
    stage.client.greet();
    int stream = stage.stream();
    byte[] one = WireClient.message(response("x"));
    byte[] three = new byte[3 * one.length];
    for (int i = 0; i < 3; i++) {
      System.arraycopy(one, 0, three, i * one.length, one.length);
    }
    stage.client.data(stream, three, true);
    expect("status", 0, stage.status(stream));
    expect("ids", List.of("x", "x", "x"), ids(stage, stream));
  }

  private static void reset(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.hold();
    int stream = stage.stream();
    for (int i = 0; i < 4; i++) {
      send(stage, stream, "q" + i, false);
    }
    stage.service.request(3);
    stage.client.reset(stream, 8);
    for (int i = 0; i < 4; i++) {
      ScriptedService.await("a request is cancelled", stage.service.request(i)::isCancelled);
    }
    stage.service.awaitClosed(1);
    stage.expectServes();
  }

  private static void refused(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.refuse(headers ->
        Refusals.overQuota(
            "principal 'bob'", "principal:bob", "", 1, "requests", Duration.ofSeconds(1)));
    int stream = stage.stream();
    expect("status", 8, stage.status(stream));
    expect("code in details", 8, stage.details(stream).getCode());
    stage.expectServes();
  }

  private static void slowReader(Stage stage) throws Exception {
    // Setting 4: windows of no bytes.
    stage.client.greet(4, 0).impolite();
    int stream = stage.stream();
    for (int i = 0; i < 4; i++) {
      send(stage, stream, "q" + i, i == 3);
    }
    stage.service.request(0);
    stage.client.frame(WireClient.PING, 0, 0, new byte[8]);
    stage.client.await(
        dev.understudy.router.testing.wire.WireEvent.Ping.class,
        dev.understudy.router.testing.wire.WireEvent.Ping::ack);
    expect("bytes before any window", 0, stage.client.body(stream).length);
    stage.client.window(stream, 1 << 16);
    expect("status", 0, stage.status(stream));
    expect("answers", List.of("q0", "q1", "q2", "q3"), ids(stage, stream));
  }
}
