package dev.understudy.chassis.testing;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A collector of traces on loopback: takes OTLP over HTTP, and reads of it what tests ask for. Its
 * messages are read by field number, from {@code opentelemetry/proto/trace/v1/trace.proto}.
 */
public final class FakeTraceCollector implements AutoCloseable {
  /**
   * A span as it was received.
   *
   * @param parentId empty for a root
   * @param kind 1 internal, 2 server, 3 client
   * @param attributes values as texts; of lists the elements, joined by commas
   * @param links ids of the spans linked to
   */
  public record Span(
      String service,
      String traceId,
      String spanId,
      String parentId,
      String name,
      int kind,
      long startNanos,
      long endNanos,
      Map<String, String> attributes,
      List<String> links,
      String error) {}

  private final HttpServer server;
  private final List<Span> spans = new CopyOnWriteArrayList<>();
  private volatile int status = 200;

  private FakeTraceCollector(HttpServer server) {
    this.server = server;
  }

  /** Starts on a free port. */
  public static FakeTraceCollector start() throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    FakeTraceCollector collector = new FakeTraceCollector(server);
    server.createContext("/v1/traces", collector::take);
    server.start();
    return collector;
  }

  /** {@code http://host:port}. */
  public String endpoint() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  /** Answers with this HTTP status from now on. */
  public void answer(int code) {
    status = code;
  }

  /** The spans received, in the order of their coming. */
  public List<Span> spans() {
    return List.copyOf(spans);
  }

  /** The spans received of this name. */
  public List<Span> named(String name) {
    return spans.stream().filter(span -> span.name().equals(name)).toList();
  }

  private void take(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      int code = status;
      if (code == 200) {
        read(UnknownFieldSet.parseFrom(body));
      }
      exchange.getResponseHeaders().set("Content-Type", "application/x-protobuf");
      exchange.sendResponseHeaders(code, -1);
    }
  }

  private void read(UnknownFieldSet request) throws IOException {
    for (UnknownFieldSet resourceSpans : messages(request, 1)) {
      UnknownFieldSet resource = messages(resourceSpans, 1).getFirst();
      String service = attributes(resource, 1).getOrDefault("service.name", "");
      for (UnknownFieldSet scope : messages(resourceSpans, 2)) {
        for (UnknownFieldSet span : messages(scope, 2)) {
          spans.add(span(service, span));
        }
      }
    }
  }

  private static Span span(String service, UnknownFieldSet span) throws IOException {
    List<String> links = new ArrayList<>();
    for (UnknownFieldSet link : messages(span, 13)) {
      links.add(hex(link, 2));
    }
    List<UnknownFieldSet> status = messages(span, 15);
    return new Span(
        service,
        hex(span, 1),
        hex(span, 2),
        hex(span, 4),
        text(span, 5),
        span.getField(6).getVarintList().getFirst().intValue(),
        span.getField(7).getFixed64List().getFirst(),
        span.getField(8).getFixed64List().getFirst(),
        attributes(span, 9),
        links,
        status.isEmpty() ? "" : text(status.getFirst(), 2));
  }

  private static Map<String, String> attributes(UnknownFieldSet of, int field) throws IOException {
    Map<String, String> attributes = new LinkedHashMap<>();
    for (UnknownFieldSet pair : messages(of, field)) {
      attributes.put(text(pair, 1), value(messages(pair, 2).getFirst()));
    }
    return attributes;
  }

  /** {@code AnyValue}: text 1, boolean 2, integer 3, list 5. */
  private static String value(UnknownFieldSet any) throws IOException {
    if (any.hasField(2)) {
      return String.valueOf(any.getField(2).getVarintList().getFirst() != 0);
    }
    if (any.hasField(3)) {
      return String.valueOf(any.getField(3).getVarintList().getFirst());
    }
    if (any.hasField(5)) {
      List<String> all = new ArrayList<>();
      for (UnknownFieldSet element : messages(messages(any, 5).getFirst(), 1)) {
        all.add(value(element));
      }
      return String.join(",", all);
    }
    return text(any, 1);
  }

  private static List<UnknownFieldSet> messages(UnknownFieldSet of, int field) throws IOException {
    List<UnknownFieldSet> all = new ArrayList<>();
    for (ByteString bytes : of.getField(field).getLengthDelimitedList()) {
      all.add(UnknownFieldSet.parseFrom(bytes));
    }
    return all;
  }

  private static String text(UnknownFieldSet of, int field) {
    List<ByteString> values = of.getField(field).getLengthDelimitedList();
    return values.isEmpty() ? "" : values.getFirst().toStringUtf8();
  }

  private static String hex(UnknownFieldSet of, int field) {
    List<ByteString> values = of.getField(field).getLengthDelimitedList();
    return values.isEmpty() ? "" : HexFormat.of().formatHex(values.getFirst().toByteArray());
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
