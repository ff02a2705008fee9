package dev.understudy.router.testing.engine;

import static dev.understudy.router.testing.engine.Stage.expect;
import static dev.understudy.router.testing.engine.Stage.expectBytes;
import static dev.understudy.router.testing.engine.Stage.expectTrue;

import dev.understudy.router.call.Message;
import dev.understudy.router.call.Notes;
import dev.understudy.router.testing.wire.WireClient;
import dev.understudy.router.testing.wire.WireEvent;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;

/** Windows in both directions, GOAWAY from both sides, and the end of the engine. */
final class FlowScenarios {
  private static final byte[] REQUEST = {8, 1};

  private FlowScenarios() {}

  static List<Scenario> all() {
    return List.of(
        new Scenario("an answer is sent as the window allows", FlowScenarios::outbound),
        new Scenario("a large request is given window to come", FlowScenarios::inbound),
        new Scenario("more than the window given is an error", FlowScenarios::overrun),
        new Scenario("a window that shrinks holds the answer back", FlowScenarios::shrink),
        new Scenario("a client that says goodbye gets its answers", FlowScenarios::goodbye),
        new Scenario("a client that half-closes TCP is let go", FlowScenarios::halfClosed),
        new Scenario("a drain answers the calls under way and no others", FlowScenarios::drain),
        new Scenario("the end cancels what is under way", FlowScenarios::end));
  }

  private static void outbound(Stage stage) throws Exception {
    stage.client.greet(4, 10).impolite();
    byte[] answer = new byte[100];
    Arrays.fill(answer, (byte) 5);
    stage.service.onRequest(
        request -> request.reply().ok(ScriptedService.ID, Message.of(answer), null, new Notes()));
    int stream = stage.unary();
    stage.client.data(stream, WireClient.message(REQUEST), true);
    ScriptedService.await("ten bytes have come", () -> stage.client.body(stream).length == 10);
    stage.client.window(stream, 30);
    ScriptedService.await("forty bytes have come", () -> stage.client.body(stream).length == 40);
    stage.client.window(stream, 1000);
    stage.expectAnswer(stream, answer);
    stage.service.awaitClosed(1);
  }

  private static void inbound(Stage stage) throws Exception {
    stage.client.greet();
    byte[] message = new byte[1_000_000];
    Arrays.fill(message, (byte) 3);
    byte[] body = WireClient.message(message);
    int stream = stage.unary();
    // The windows at the start are those of RFC 9113 unless the server's settings say more.
    int sent = 65_535;
    stage.client.data(stream, Arrays.copyOf(body, sent), false);
    while (sent < body.length) {
      long granted = 65_535 + granted(stage, stream);
      long allowed = Math.min(granted, 65_535 + granted(stage, 0));
      int count = (int) Math.min(body.length, allowed) - sent;
      if (count > 0) {
        boolean end = sent + count == body.length;
        stage.client.data(stream, Arrays.copyOfRange(body, sent, sent + count), end);
        sent += count;
      } else {
        int so = sent;
        ScriptedService.await(
            "window beyond " + so + " bytes is given",
            () -> 65_535 + Math.min(granted(stage, stream), granted(stage, 0)) > so);
      }
    }
    expectBytes("the request", message, stage.service.request(0).message());
    stage.client.trailers(stream);
  }

  private static long granted(Stage stage, int stream) {
    long sum = stream == 0 ? 0 : raisedBySettings(stage);
    for (WireEvent event : stage.client.events()) {
      if (event instanceof WireEvent.Window window && window.stream() == stream) {
        sum += window.increment();
      }
    }
    return sum;
  }

  private static long raisedBySettings(Stage stage) {
    for (WireEvent event : stage.client.events()) {
      if (event instanceof WireEvent.Settings settings && !settings.ack()) {
        return settings.initialWindow() - 65_535L;
      }
    }
    return 0;
  }

  private static void overrun(Stage stage) throws Exception {
    stage.client.greet();
    int stream = stage.unary();
    stage.client.await(WireEvent.Settings.class, WireEvent.Settings::ack);
    stage.client.window(stream, Integer.MAX_VALUE);
    expect("FLOW_CONTROL_ERROR", 3L, stage.client.resetOf(stream).code());
    stage.service.awaitClosed(1);
    stage.expectServes();
  }

  private static void shrink(Stage stage) throws Exception {
    stage.client.greet(4, 50).impolite();
    stage.service.hold();
    int stream = stage.unary();
    stage.client.data(stream, WireClient.message(REQUEST), true);
    ScriptedService.Request request = stage.service.request(0);
    // The same setting again, with less: the stream's window is then below zero.
    stage.client.frame(WireClient.SETTINGS, 0, 0, new byte[] {0, 4, 0, 0, 0, 0});
    ScriptedService.await(
        "both settings are acknowledged",
        () ->
            stage.client.events().stream()
                    .filter(event -> event instanceof WireEvent.Settings s && s.ack())
                    .count()
                == 2);
    request.echo();
    stage.head(stream);
    expect("bytes", 0, stage.client.body(stream).length);
    stage.client.window(stream, 100);
    stage.expectAnswer(stream, REQUEST);
  }

  private static void goodbye(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.hold();
    int stream = stage.unary();
    stage.client.data(stream, WireClient.message(REQUEST), true);
    ScriptedService.Request request = stage.service.request(0);
    stage.client.frame(WireClient.GOAWAY, 0, 0, new byte[8]);
    stage.client.frame(WireClient.PING, 0, 0, new byte[8]);
    stage.client.await(WireEvent.Ping.class, WireEvent.Ping::ack);
    expect("cancelled", false, request.isCancelled());
    request.echo();
    stage.expectAnswer(stream, REQUEST);
    stage.service.awaitClosed(1);
  }

  private static void halfClosed(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.hold();
    int stream = stage.unary();
    stage.client.data(stream, WireClient.message(REQUEST), true);
    ScriptedService.Request request = stage.service.request(0);
    stage.client.halfClose();
    ScriptedService.await("the request is cancelled", request::isCancelled);
    stage.service.awaitClosed(1);
    stage.client.closed();
  }

  private static void drain(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.hold();
    int stream = stage.unary();
    stage.client.data(stream, WireClient.message(REQUEST), true);
    ScriptedService.Request request = stage.service.request(0);
    FutureTask<Long> drain =
        new FutureTask<>(() -> {
          long begin = System.nanoTime();
          stage.engine.drain(Duration.ofSeconds(20));
          return System.nanoTime() - begin;
        });
    var _ = Thread.ofVirtual().start(drain);
    expect("NO_ERROR", 0L, stage.client.goAway().code());
    expect("cancelled", false, request.isCancelled());
    // The last GOAWAY says which streams count; a later one is nobody's.
    stage.client.await(WireEvent.GoAway.class, goAway -> goAway.lastStream() == stream);
    request.echo();
    stage.expectAnswer(stream, REQUEST);
    stage.client.closed();
    long took = drain.get(20, TimeUnit.SECONDS);
    expectTrue("it ends with the last call, ns: " + took, took < TimeUnit.SECONDS.toNanos(15));
    stage.service.awaitClosed(1);
    expect("opened", 1, stage.service.opened());
  }

  private static void end(Stage stage) throws Exception {
    stage.client.greet();
    stage.service.hold();
    int stream = stage.unary();
    stage.client.data(stream, WireClient.message(REQUEST), true);
    ScriptedService.Request request = stage.service.request(0);
    stage.engine.close();
    ScriptedService.await("the request is cancelled", request::isCancelled);
    stage.service.awaitClosed(1);
    stage.client.closed();
  }
}
