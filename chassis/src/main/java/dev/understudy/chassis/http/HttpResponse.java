package dev.understudy.chassis.http;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import dev.understudy.chassis.error.Fault;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** One response; immutable. */
public final class HttpResponse {
  private static final Gson GSON =
      new GsonBuilder().disableHtmlEscaping().serializeSpecialFloatingPointValues().create();

  private final int status;
  private final String contentType;
  private final byte[] body;
  private final Map<String, String> headers;

  private HttpResponse(int status, String contentType, byte[] body, Map<String, String> headers) {
    this.status = status;
    this.contentType = contentType;
    this.body = body;
    this.headers = headers;
  }

  /** A response of any kind. */
  public static HttpResponse of(int status, String contentType, byte[] body) {
    return new HttpResponse(status, contentType, body.clone(), Map.of());
  }

  /** 200 with a value, such as a record or a Gson element, as JSON. */
  public static HttpResponse json(Object value) {
    return json(200, value);
  }

  /** A value as JSON. */
  public static HttpResponse json(int status, Object value) {
    return of(status, "application/json; charset=utf-8", utf8(GSON.toJson(value)));
  }

  /** 200 with plain text. */
  public static HttpResponse text(String text) {
    return text(200, text);
  }

  /** Plain text. */
  public static HttpResponse text(int status, String text) {
    return of(status, "text/plain; charset=utf-8", utf8(text));
  }

  /** 200 with a page. */
  public static HttpResponse html(String page) {
    return of(200, "text/html; charset=utf-8", utf8(page));
  }

  /** 303 to another page. */
  public static HttpResponse redirect(String location) {
    return text(303, "").header("Location", location);
  }

  /** {@code {"code","reason","message"}} with the HTTP status that goes with the gRPC code. */
  static HttpResponse failure(Fault fault) {
    var json = new JsonObject();
    json.addProperty("code", fault.code().name());
    json.addProperty("reason", fault.reason());
    json.addProperty("message", fault.getMessage());
    int status =
        switch (fault.code()) {
          case INVALID_ARGUMENT, OUT_OF_RANGE -> 400;
          case UNAUTHENTICATED -> 401;
          case PERMISSION_DENIED -> 403;
          case NOT_FOUND -> 404;
          case ABORTED, ALREADY_EXISTS, FAILED_PRECONDITION -> 409;
          case RESOURCE_EXHAUSTED -> 429;
          case CANCELLED -> 499;
          case UNIMPLEMENTED -> 501;
          case UNAVAILABLE -> 503;
          case DEADLINE_EXCEEDED -> 504;
          default -> 500;
        };
    return json(status, json);
  }

  /** The same with one more header. */
  public HttpResponse header(String name, String value) {
    Map<String, String> more = new LinkedHashMap<>(headers);
    more.put(name, value);
    return new HttpResponse(status, contentType, body, more);
  }

  /** The HTTP status. */
  public int status() {
    return status;
  }

  String contentType() {
    return contentType;
  }

  byte[] body() {
    return body;
  }

  Map<String, String> headers() {
    return headers;
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
