package dev.understudy.collector.dashboard;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.http.AdminHttp;
import dev.understudy.chassis.http.HttpResponse;
import dev.understudy.chassis.http.SseHub;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.collector.intake.Lookup;
import dev.understudy.collector.rollouts.Overview;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Serves the page at {@code /}, its state at {@code /api/state} and, twice a second, at {@code
 * /events}; one call at {@code /api/predictions/ID}; Prometheus' metrics at {@code /metrics}.
 */
public final class Dashboard implements AutoCloseable {
  private static final Duration PERIOD = Duration.ofMillis(500);
  private static final Gson GSON =
      new GsonBuilder().disableHtmlEscaping().serializeNulls().create();
  private static final String ASSETS = "/dev/understudy/collector/dashboard/web";

  /** A page that does not keep up is better cut off early than served old news. */
  private static final int QUEUE = 8;

  private static final int MAX_PAGES = 64;

  private final AdminHttp http;
  private final SseHub hub;
  private final StateView view;

  /** Starts to serve. */
  public static Dashboard start(
      HostPort address,
      @Nullable String token,
      Facts facts,
      Lookup lookup,
      Supplier<Overview> overview,
      Scheduler scheduler,
      TimeSource time)
      throws IOException {
    SseHub hub = new SseHub(QUEUE, MAX_PAGES, Duration.ofSeconds(5));
    StateView view = new StateView(facts, overview, time);
    PrometheusText metrics = new PrometheusText(facts);
    AdminHttp http =
        AdminHttp.at(address)
            .token(token)
            .get("/api/state", request -> json(view.state()))
            .get(
                "/metrics",
                request ->
                    HttpResponse.of(
                        200,
                        "text/plain; version=0.0.4; charset=utf-8",
                        metrics.render().getBytes(StandardCharsets.UTF_8)))
            .getPrefix(
                "/api/predictions/",
                request ->
                    json(PredictionJson.of(lookup.find(request.pathAfter("/api/predictions/")))))
            .events("/events", hub)
            .resources("/", Dashboard.class, ASSETS)
            .start();
    Dashboard dashboard = new Dashboard(http, hub, view);
    scheduler.every(PERIOD, "publish the page's state", dashboard::publish);
    return dashboard;
  }

  private Dashboard(AdminHttp http, SseHub hub, StateView view) {
    this.http = http;
    this.hub = hub;
    this.view = view;
  }

  /** The port it really listens on. */
  public int port() {
    return http.port();
  }

  @Override
  public void close() {
    hub.close();
    http.close();
  }

  private void publish() {
    if (hub.clients() > 0) {
      hub.publish("state", GSON.toJson(view.state()));
    }
  }

  private static HttpResponse json(JsonObject value) {
    return HttpResponse.of(
        200,
        "application/json; charset=utf-8",
        GSON.toJson(value).getBytes(StandardCharsets.UTF_8));
  }
}
