package dev.understudy.chassis.http;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.security.ListenPolicy;
import dev.understudy.chassis.security.TokenAuth;
import io.grpc.Status;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Serves pages, JSON and server-sent events on virtual threads with the JDK's HTTP server.
 *
 * <p>Every response forbids scripts and styles from elsewhere, framing and content sniffing. On
 * loopback a request whose {@code Host} is not a loopback name is refused, because a page on the
 * internet can point its own name at this machine; a POST that a page of another origin sends is
 * refused everywhere. Off loopback a token is required. What a handler throws is answered as JSON
 * with the status of its {@link Fault}.
 *
 * <p>Routes are fixed at start. Handlers run concurrently.
 */
public final class AdminHttp implements AutoCloseable {
  /** Answers one request. */
  @FunctionalInterface
  public interface Handler {
    /**
     * Answers; may block.
     *
     * @throws Exception which is answered as its {@link Fault#from translation}
     */
    HttpResponse handle(HttpRequest request) throws Exception;
  }

  private interface Route {
    void serve(HttpExchange exchange) throws Exception;
  }

  private static final Logger log = Logger.getLogger(AdminHttp.class.getName());
  private static final int MAX_BODY_BYTES = 1 << 20;
  private static final int STOP_SECONDS = 1;
  private static final Map<String, String> SAFETY =
      Map.of(
          "Content-Security-Policy",
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
              + " connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self';"
              + " frame-ancestors 'none'",
          "X-Content-Type-Options",
          "nosniff",
          "X-Frame-Options",
          "DENY",
          "Referrer-Policy",
          "no-referrer",
          "Cross-Origin-Resource-Policy",
          "same-origin");

  private final HostPort address;
  private final @Nullable TokenAuth auth;
  private final Map<String, Route> exact;
  private final TreeMap<String, Route> prefixes;
  private final HttpServer server;
  private final ExecutorService executor;

  private AdminHttp(Builder builder, HttpServer server) {
    this.address = builder.address;
    this.auth = builder.token == null ? null : new TokenAuth(builder.token);
    this.exact = Map.copyOf(builder.exact);
    this.prefixes = new TreeMap<>(builder.prefixes);
    this.server = server;
    this.executor =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("http-", 0).factory());
  }

  /** Starts with no routes. */
  public static Builder at(HostPort address) {
    return new Builder(address);
  }

  /** The port it really listens on. */
  public int port() {
    return server.getAddress().getPort();
  }

  /** Takes no more requests, gives those under way a second, and stops. */
  @Override
  public void close() {
    server.stop(STOP_SECONDS);
    executor.shutdownNow();
  }

  private void handle(HttpExchange exchange) {
    try (exchange) {
      SAFETY.forEach(exchange.getResponseHeaders()::set);
      try {
        admit(exchange);
        route(exchange).serve(exchange);
      } catch (IOException e) {
        log.log(Level.FINE, "The client went away", e);
      } catch (Exception e) {
        Fault fault = Fault.from(e);
        fault.logIfUnforeseen();
        if (exchange.getResponseCode() < 0) {
          send(exchange, HttpResponse.failure(fault));
        }
      }
    } catch (IOException e) {
      log.log(Level.FINE, "The client went away", e);
    }
  }

  private void admit(HttpExchange exchange) {
    String host = exchange.getRequestHeaders().getFirst("Host");
    if (address.isLoopback() && !isLoopbackName(host)) {
      throw Fault.of(
          Status.Code.PERMISSION_DENIED,
          "FOREIGN_HOST",
          "Host: " + host + " (expected: localhost or a loopback address)");
    }
    String origin = exchange.getRequestHeaders().getFirst("Origin");
    if (exchange.getRequestMethod().equals("POST") && origin != null && !isSame(origin, host)) {
      throw Fault.of(
          Status.Code.PERMISSION_DENIED,
          "FOREIGN_ORIGIN",
          "Origin: " + origin + " (expected: a page of this server)");
    }
    if (auth != null && !auth.accepts(exchange.getRequestHeaders().getFirst("Authorization"))) {
      exchange.getResponseHeaders().set("WWW-Authenticate", "Bearer");
      throw Fault.of(
          Status.Code.UNAUTHENTICATED,
          "TOKEN_REQUIRED",
          "no valid token (expected: the header Authorization: Bearer TOKEN)");
    }
  }

  private static boolean isLoopbackName(@Nullable String host) {
    if (host == null) {
      return false;
    }
    try {
      boolean hasPort = host.lastIndexOf(':') > host.lastIndexOf(']');
      return HostPort.parse(hasPort ? host : host + ":80").isLoopback();
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static boolean isSame(String origin, @Nullable String host) {
    try {
      return host != null && host.equalsIgnoreCase(URI.create(origin).getAuthority());
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private Route route(HttpExchange exchange) {
    String method = exchange.getRequestMethod();
    // HEAD is served as GET; the JDK's server leaves the body out by itself.
    String verb = method.equals("HEAD") ? "GET" : method;
    String path = exchange.getRequestURI().getPath();
    Route route = exact.get(verb + " " + path);
    if (route != null) {
      return route;
    }
    String wanted = verb + " " + path;
    Route best = null;
    for (var entry : prefixes.entrySet()) {
      // In order, so that the longest prefix that fits comes last.
      if (wanted.startsWith(entry.getKey())) {
        best = entry.getValue();
      }
    }
    if (best == null) {
      throw Fault.of(Status.Code.NOT_FOUND, "NO_ROUTE", "nothing at " + method + " " + path);
    }
    return best;
  }

  private static HttpRequest read(HttpExchange exchange, int maxBodyBytes) throws IOException {
    byte[] body;
    try (InputStream in = exchange.getRequestBody()) {
      body = in.readNBytes(maxBodyBytes + 1);
    }
    if (body.length > maxBodyBytes) {
      throw Fault.of(
          Status.Code.INVALID_ARGUMENT,
          "BODY_TOO_LARGE",
          "the body exceeds " + maxBodyBytes + " bytes");
    }
    Map<String, String> headers = new HashMap<>();
    exchange
        .getRequestHeaders()
        .forEach((name, values) -> headers.put(name.toLowerCase(Locale.ROOT), values.getFirst()));
    return new HttpRequest(
        exchange.getRequestMethod(),
        exchange.getRequestURI().getPath(),
        query(exchange.getRequestURI().getRawQuery()),
        Map.copyOf(headers),
        new String(body, StandardCharsets.UTF_8));
  }

  private static Map<String, String> query(@Nullable String raw) {
    Map<String, String> query = new HashMap<>();
    if (raw != null) {
      for (String pair : raw.split("&", -1)) {
        int equals = pair.indexOf('=');
        String name = equals < 0 ? pair : pair.substring(0, equals);
        String value = equals < 0 ? "" : pair.substring(equals + 1);
        try {
          query.put(
              URLDecoder.decode(name, StandardCharsets.UTF_8),
              URLDecoder.decode(value, StandardCharsets.UTF_8));
        } catch (IllegalArgumentException e) {
          throw Fault.of(
              Status.Code.INVALID_ARGUMENT, "MALFORMED_QUERY", "'" + pair + "' is not URL-encoded");
        }
      }
    }
    return Map.copyOf(query);
  }

  private static void send(HttpExchange exchange, HttpResponse response) throws IOException {
    response.headers().forEach(exchange.getResponseHeaders()::set);
    exchange.getResponseHeaders().set("Content-Type", response.contentType());
    exchange.getResponseHeaders().putIfAbsent("Cache-Control", List.of("no-store"));
    byte[] body = response.body();
    boolean head = exchange.getRequestMethod().equals("HEAD");
    exchange.sendResponseHeaders(response.status(), head || body.length == 0 ? -1 : body.length);
    if (!head && body.length > 0) {
      exchange.getResponseBody().write(body);
    }
  }

  /**
   * Collects routes; for one thread. Exact routes go before prefixes, longer ones before shorter.
   */
  public static final class Builder {
    private final HostPort address;
    private final Map<String, Handler> handlers = new HashMap<>();
    private final Map<String, Handler> prefixHandlers = new HashMap<>();
    private final Map<String, SseHub> hubs = new HashMap<>();
    private final Map<String, Route> exact = new HashMap<>();
    private final Map<String, Route> prefixes = new HashMap<>();
    private @Nullable String token;
    private int maxBodyBytes = MAX_BODY_BYTES;

    private Builder(HostPort address) {
      this.address = address;
    }

    /** Answers GET at exactly this path. */
    public Builder get(String path, Handler handler) {
      return add(handlers, "GET " + path, handler);
    }

    /** Answers POST at exactly this path. */
    public Builder post(String path, Handler handler) {
      return add(handlers, "POST " + path, handler);
    }

    /** Answers GET at every path that begins so. */
    public Builder getPrefix(String prefix, Handler handler) {
      return add(prefixHandlers, "GET " + prefix, handler);
    }

    /** Answers POST at every path that begins so. */
    public Builder postPrefix(String prefix, Handler handler) {
      return add(prefixHandlers, "POST " + prefix, handler);
    }

    /** Streams a hub's events at this path. The hub stays the caller's to close, before this. */
    public Builder events(String path, SseHub hub) {
      hubs.put("GET " + path, hub);
      return this;
    }

    /**
     * Serves resources of a class's module or class path under a prefix that ends in a slash; the
     * prefix itself is {@code index.html}.
     *
     * @param owner the class whose loader has the resources
     * @param folder their folder, such as {@code /dev/understudy/collector/web}
     */
    public Builder resources(String prefix, Class<?> owner, String folder) {
      return getPrefix(
          prefix, request -> Resources.serve(owner, folder, request.pathAfter(prefix)));
    }

    /** Requires a bearer token; null for none. */
    public Builder token(@Nullable String value) {
      token = value;
      return this;
    }

    /** Bounds the bodies of requests; 1 MiB by default. */
    public Builder maxBodyBytes(int value) {
      maxBodyBytes = value;
      return this;
    }

    /**
     * Starts the server.
     *
     * @throws ConfigException if the address is not loopback and there is no token
     * @throws IOException if the address cannot be bound
     */
    public AdminHttp start() throws IOException {
      ListenPolicy.check(address, token != null, "tokenFile");
      HttpServer server;
      try {
        server = HttpServer.create(address.toSocketAddress(), 0);
      } catch (IOException e) {
        throw new IOException(address + ": cannot listen: " + e.getMessage(), e);
      }
      handlers.forEach((key, handler) -> exact.put(key, answering(handler)));
      prefixHandlers.forEach((key, handler) -> prefixes.put(key, answering(handler)));
      hubs.forEach((key, hub) -> exact.put(key, hub::serve));
      var http = new AdminHttp(this, server);
      server.setExecutor(http.executor);
      server.createContext("/", http::handle);
      server.start();
      return http;
    }

    private Route answering(Handler handler) {
      int limit = maxBodyBytes;
      return exchange -> send(exchange, handler.handle(read(exchange, limit)));
    }

    private Builder add(Map<String, Handler> routes, String key, Handler handler) {
      if (routes.putIfAbsent(key, handler) != null) {
        throw new IllegalArgumentException("route: " + key + " is taken");
      }
      return this;
    }
  }
}
