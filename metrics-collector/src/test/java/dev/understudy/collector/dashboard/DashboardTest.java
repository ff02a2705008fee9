package dev.understudy.collector.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.collector.dashboard.FakeStates.Scene;
import dev.understudy.collector.intake.Lookup;
import dev.understudy.collector.predictions.Database;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DashboardTest {
  @TempDir Path folder;

  @Test
  void withoutAnythingTheStateIsEmptyAndSaysThatNobodyIsAsked() throws Exception {
    JsonObject state = state(Scene.EMPTY);
    assertEquals(0, state.getAsJsonArray("models").size());
    assertFalse(state.getAsJsonObject("controller").get("configured").getAsBoolean());
  }

  @Test
  void withoutARolloutTheChampionHasAllOfTheTraffic() throws Exception {
    JsonObject model = model(Scene.SERVING);
    assertEquals("version 1 · champion · no rollout", model.get("headline").getAsString());
    assertTrue(model.get("rollout").isJsonNull());
    assertTrue(model.get("evidence").isJsonNull());
    JsonObject champion = arm(model, "champion");
    assertEquals(1.0, champion.get("desired").getAsDouble());
    assertEquals(1.0, champion.get("actual").getAsDouble());
    assertTrue(champion.getAsJsonObject("latency").get("p99").getAsDouble() > 1.5);
  }

  @Test
  void aShadowHasCopiesButNoShare() throws Exception {
    JsonObject model = model(Scene.SHADOWING);
    JsonObject shadow = arm(model, "shadow");
    assertEquals(14_201, shadow.get("copies").getAsLong());
    assertTrue(shadow.get("desired").isJsonNull());
    assertEquals(0, shadow.get("answered").getAsLong());
    assertEquals(
        List.of("shadow now", "5 % next", "25 % next", "50 % next", "champion next"),
        timeline(model));
  }

  @Test
  void aCanaryShowsTheShareThatIsWantedAndTheOneThatIs() throws Exception {
    JsonObject model = model(Scene.CANARY);
    JsonObject canary = arm(model, "canary");
    assertEquals(0.25, canary.get("desired").getAsDouble());
    assertEquals(0.25, canary.get("actual").getAsDouble(), 0.03);
    assertEquals(0.75, arm(model, "champion").get("desired").getAsDouble());
    assertEquals(
        List.of("shadow done", "5 % done", "25 % now", "50 % next", "champion next"),
        timeline(model));
    JsonObject evidence = model.getAsJsonObject("evidence");
    assertEquals(4, evidence.getAsJsonArray("metrics").size());
    assertEquals(10, evidence.getAsJsonObject("swap").getAsJsonArray("bands").size());
    assertEquals(201, model.getAsJsonArray("course").size());
    JsonObject latency = evidence.getAsJsonObject("latency");
    assertEquals("control", latency.get("baseline").getAsString());
    JsonObject p95 = latency.getAsJsonArray("quantiles").get(1).getAsJsonObject();
    assertEquals(2.3, p95.get("canary").getAsDouble());
    assertEquals(-0.141, p95.get("differenceLow").getAsDouble(), 1e-9);
    assertEquals(0.82, latency.getAsJsonObject("canaryStages").get("compute").getAsDouble());
    assertEquals(3, evidence.getAsJsonArray("measures").size());
    JsonObject worst = evidence.getAsJsonArray("slices").get(0).getAsJsonObject();
    assertTrue(worst.get("against").getAsBoolean());
    assertTrue(evidence.get("next").getAsString().startsWith("Wait"));
  }

  @Test
  void anAbortedRolloutShowsWhereItStoppedAndWhatItsCanaryAnswered() throws Exception {
    JsonObject model = model(Scene.ABORTED);
    assertEquals(
        List.of("shadow done", "5 % done", "25 % stopped", "50 % next", "champion next"),
        timeline(model));
    JsonObject canary = arm(model, "canary");
    assertEquals(0.0, canary.get("desired").getAsDouble());
    assertTrue(canary.get("answered").getAsLong() > 1_000);
    assertTrue(canary.get("bad").getAsLong() > 50);
    // Failed tries were rescued: no caller saw one.
    assertEquals(0, canary.get("failed").getAsLong());
  }

  @Test
  void aPromotedChallengerIsTheChampion() throws Exception {
    JsonObject model = model(Scene.PROMOTED);
    assertEquals(1.0, arm(model, "champion").get("desired").getAsDouble());
    assertEquals("2", arm(model, "champion").get("version").getAsString());
    assertEquals("champion done", timeline(model).getLast());
  }

  @Test
  void thePageItsPartsAndItsEventsAreServedWithAStrictPolicy() throws Exception {
    try (FakeStates states = new FakeStates(Scene.CANARY);
        Scheduler scheduler = Scheduler.daemon("test");
        Dashboard dashboard = start(states, scheduler);
        HttpClient client = HttpClient.newHttpClient()) {
      HttpResponse<String> page = get(client, dashboard, "/");
      assertEquals(200, page.statusCode());
      String policy = page.headers().firstValue("Content-Security-Policy").orElse("");
      assertTrue(policy.contains("default-src 'none'"), policy);
      assertFalse(policy.contains("unsafe-inline"), policy);
      int from = page.body().indexOf("application/json\">") + "application/json\">".length();
      String embedded = page.body().substring(from, page.body().indexOf("</script>", from));
      assertEquals(
          "card-fraud",
          JsonParser.parseString(embedded)
              .getAsJsonObject()
              .getAsJsonArray("models")
              .get(0)
              .getAsJsonObject()
              .get("model")
              .getAsString());
      long bytes = 0;
      for (String part : List.of("/page.js", "/charts.js", "/style.css", "/icon.svg")) {
        HttpResponse<String> answer = get(client, dashboard, part);
        assertEquals(200, answer.statusCode(), part);
        assertEquals(
            "nosniff", answer.headers().firstValue("X-Content-Type-Options").orElse(""), part);
        assertFalse(answer.body().contains("https://"), part + " names another host");
        bytes += answer.body().getBytes(StandardCharsets.UTF_8).length;
      }
      assertTrue(bytes < 100_000, "the page weighs " + bytes);
      assertEquals(404, get(client, dashboard, "/page.css").statusCode());
      assertEquals(400, get(client, dashboard, "/api/predictions/17").statusCode(), "not an id");
      assertNotNull(event(client, dashboard));
    }
  }

  private static String event(HttpClient client, Dashboard dashboard) throws Exception {
    var answer =
        client.send(request(dashboard, "/events"), HttpResponse.BodyHandlers.ofInputStream());
    try (var lines =
        new BufferedReader(new InputStreamReader(answer.body(), StandardCharsets.UTF_8))) {
      String line = lines.readLine();
      while (line != null && !line.startsWith("data: ")) {
        line = lines.readLine();
      }
      assertNotNull(line);
      return JsonParser.parseString(line.substring("data: ".length()))
          .getAsJsonObject()
          .get("now")
          .getAsString();
    }
  }

  private Dashboard start(FakeStates states, Scheduler scheduler) throws Exception {
    Path file = folder.resolve("collector.db");
    Database.open(file).close();
    return Dashboard.start(
        HostPort.loopback(0),
        null,
        states.facts(),
        new Lookup(states.facts().store().reader(Database.openReader(file))),
        states::overview,
        scheduler,
        states.time());
  }

  private static HttpResponse<String> get(HttpClient client, Dashboard dashboard, String path)
      throws Exception {
    return client.send(request(dashboard, path), HttpResponse.BodyHandlers.ofString());
  }

  private static HttpRequest request(Dashboard dashboard, String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + dashboard.port() + path))
        .build();
  }

  private static JsonObject state(Scene scene) throws Exception {
    try (FakeStates states = new FakeStates(scene)) {
      return new StateView(states.facts(), states::overview, states.time()).state();
    }
  }

  private static JsonObject model(Scene scene) throws Exception {
    return state(scene).getAsJsonArray("models").get(0).getAsJsonObject();
  }

  private static JsonObject arm(JsonObject model, String role) {
    for (var arm : model.getAsJsonArray("arms")) {
      if (arm.getAsJsonObject().get("role").getAsString().equals(role)) {
        return arm.getAsJsonObject();
      }
    }
    throw new AssertionError("no " + role + " in " + model.get("arms"));
  }

  private static List<String> timeline(JsonObject model) {
    JsonArray stops = model.getAsJsonObject("rollout").getAsJsonArray("timeline");
    List<String> words = new ArrayList<>();
    stops.forEach(stop ->
        words.add(
            stop.getAsJsonObject().get("label").getAsString()
                + " "
                + stop.getAsJsonObject().get("state").getAsString()));
    return words;
  }
}
