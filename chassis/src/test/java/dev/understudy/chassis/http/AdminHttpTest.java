package dev.understudy.chassis.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.error.Fault;
import io.grpc.Status;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class AdminHttpTest {
  record Greeting(String name) {}

  private final SseHub hub = new SseHub(4, 2, Duration.ofMillis(20));
  private AdminHttp http = start();

  private AdminHttp start() {
    try {
      return routes(HostPort.loopback(0)).start();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private AdminHttp.Builder routes(HostPort address) {
    return AdminHttp.at(address)
        .get("/api/hello", r -> HttpResponse.text("hello " + r.parameter("who")))
        .getPrefix("/api/", r -> HttpResponse.text("prefix " + r.pathAfter("/api/")))
        .post("/api/greet", r -> HttpResponse.json(new Greeting(r.json(Greeting.class).name())))
        .get(
            "/api/gone",
            r -> {
              throw Fault.of(Status.Code.NOT_FOUND, "NO_MODEL", "no such model");
            })
        .get(
            "/api/broken",
            r -> {
              throw new IllegalStateException("hunter2");
            })
        .events("/events", hub)
        .resources("/", AdminHttpTest.class, "/dev/understudy/chassis/http/web")
        .maxBodyBytes(1000);
  }

  @BeforeEach
  void listens() {
    assertTrue(http.port() > 0);
  }

  @AfterEach
  void stop() {
    hub.close();
    http.close();
  }

  private String exchange(String... lines) throws IOException {
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), http.port())) {
      socket.getOutputStream().write(String.join("\r\n", lines).getBytes(StandardCharsets.UTF_8));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private String get(String path, String... headers) throws IOException {
    return exchange(
        "GET " + path + " HTTP/1.1",
        "Host: localhost:" + http.port(),
        "Connection: close",
        String.join("\r\n", headers) + (headers.length == 0 ? "" : "\r\n"),
        "");
  }

  private String post(String path, String body, String... headers) throws IOException {
    return exchange(
        "POST " + path + " HTTP/1.1",
        "Host: localhost:" + http.port(),
        "Connection: close",
        "Content-Length: " + body.length(),
        String.join("\r\n", headers) + (headers.length == 0 ? "" : "\r\n"),
        body);
  }

  private static int status(String response) {
    return Integer.parseInt(response.substring(9, 12));
  }

  private static String body(String response) {
    return response.substring(response.indexOf("\r\n\r\n") + 4);
  }

  @Test
  void exactRoutesGoBeforePrefixesAndFiles() throws Exception {
    assertEquals("hello a b&c", body(get("/api/hello?x&who=a+b%26c")));
    assertEquals("prefix models/1", body(get("/api/models/1")));
    assertTrue(body(get("/")).contains("<title>hello"));
    assertTrue(get("/app.js").contains("Content-type: text/javascript"));
    assertEquals("{\"name\":\"bob\"}", body(post("/api/greet", "{\"name\":\"bob\"}")));
  }

  @Test
  void failuresAreJsonThatGivesNothingAway() throws Exception {
    assertEquals(
        "{\"code\":\"NOT_FOUND\",\"reason\":\"NO_MODEL\",\"message\":\"no such model\"}",
        body(get("/api/gone")));
    String broken = get("/api/broken");
    assertEquals(500, status(broken));
    assertFalse(broken.contains("hunter2"));
    assertEquals(400, status(post("/api/greet", "{")));
    assertEquals(400, status(post("/api/greet", "")));
    assertEquals(400, status(post("/api/greet", " ".repeat(1001))));
    assertEquals(404, status(post("/api/hello", "")));
  }

  @Test
  void onlyFilesOfTheFolderAreServed() throws Exception {
    for (String path :
        List.of("/absent.html", "/../AdminHttp.class", "/..%2f..%2fa.txt", "/.hidden.txt")) {
      assertEquals(404, status(get(path)), path);
    }
  }

  @Test
  void everyResponseCarriesTheSafetyHeaders() throws Exception {
    for (String path : List.of("/", "/api/gone", "/absent")) {
      String response = get(path);
      assertTrue(response.contains("Content-security-policy: default-src 'none'"), response);
      assertTrue(response.contains("X-content-type-options: nosniff"), response);
    }
  }

  @Test
  void foreignHostsAndOriginsAreRefused() throws Exception {
    assertEquals(
        403, status(exchange("GET / HTTP/1.1", "Host: evil.example", "Connection: close", "", "")));
    assertEquals(
        200, status(exchange("GET / HTTP/1.1", "Host: [::1]:80", "Connection: close", "", "")));
    String body = "{\"name\":\"x\"}";
    assertEquals(403, status(post("/api/greet", body, "Origin: http://evil.example")));
    assertEquals(403, status(post("/api/greet", body, "Origin: null")));
    assertEquals(200, status(post("/api/greet", body, "Origin: http://localhost:" + http.port())));
  }

  @Test
  void aTokenIsRequiredWhereOneIsSetAndOffLoopback() throws Exception {
    assertThrows(ConfigException.class, () -> routes(HostPort.parse("0.0.0.0:0")).start());
    http.close();
    http = routes(HostPort.loopback(0)).token("0123456789abcdef").start();
    assertEquals(401, status(get("/")));
    assertEquals(401, status(get("/", "Authorization: Bearer wrong")));
    assertEquals(200, status(get("/", "Authorization: Bearer 0123456789abcdef")));
  }

  @Test
  void eventsReachThoseWhoListen() throws Exception {
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), http.port())) {
      BufferedReader reader = listen(socket);
      awaitHeartbeat(reader);
      assertEquals(1, hub.clients());
      hub.publish("arms", "a\nb");
      String line = reader.readLine();
      while (line.isEmpty() || line.equals(":")) {
        line = reader.readLine();
      }
      assertEquals("event: arms", line);
      assertEquals("data: a", reader.readLine());
      assertEquals("data: b", reader.readLine());
      assertEquals("", reader.readLine());
    }
    assertThrows(IllegalArgumentException.class, () -> hub.publish("a\nb", ""));
  }

  @Test
  void aSlowReaderIsCutOffAndCounted() throws Exception {
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), http.port())) {
      awaitHeartbeat(listen(socket));
      String large = "x".repeat(1 << 20);
      while (hub.dropped() == 0) {
        hub.publish("big", large);
        Thread.onSpinWait();
      }
      assertEquals(1, hub.dropped());
      assertEquals(0, hub.clients());
    }
  }

  @Test
  void moreListenersThanTheBoundAreTurnedAway() throws Exception {
    try (var first = new Socket(InetAddress.getLoopbackAddress(), http.port());
        var second = new Socket(InetAddress.getLoopbackAddress(), http.port())) {
      awaitHeartbeat(listen(first));
      awaitHeartbeat(listen(second));
      assertEquals(503, status(get("/events")));
    }
  }

  private static BufferedReader listen(Socket socket) throws IOException {
    socket
        .getOutputStream()
        .write("GET /events HTTP/1.0\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.UTF_8));
    return new BufferedReader(
        new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
  }

  private static void awaitHeartbeat(BufferedReader reader) throws IOException {
    String line = reader.readLine();
    while (!line.equals(":")) {
      line = reader.readLine();
    }
  }
}
