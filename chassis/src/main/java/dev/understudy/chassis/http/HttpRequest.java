package dev.understudy.chassis.http;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import dev.understudy.chassis.error.Fault;
import io.grpc.Status;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One request.
 *
 * @param method {@code GET} or {@code POST}
 * @param path the decoded path, such as {@code /api/models/fraud}
 * @param query the decoded query parameters; of a repeated one, the last
 * @param headers the request's headers by their names in lower case; of a repeated one, the first
 * @param body the body in UTF-8, empty if there is none
 */
public record HttpRequest(
    String method,
    String path,
    Map<String, String> query,
    Map<String, String> headers,
    String body) {

  private static final Gson GSON = new Gson();

  /** A query parameter, or null. */
  public @Nullable String parameter(String name) {
    return query.get(name);
  }

  /**
   * The path after a prefix, without a leading slash.
   *
   * @param prefix the one under which the route is registered
   */
  public String pathAfter(String prefix) {
    String rest = path.startsWith(prefix) ? path.substring(prefix.length()) : path;
    return rest.startsWith("/") ? rest.substring(1) : rest;
  }

  /**
   * The body as JSON.
   *
   * @throws Fault INVALID_ARGUMENT if it is not
   */
  public <T> T json(Class<T> type) {
    T value;
    try {
      value = GSON.fromJson(body, type);
    } catch (JsonParseException e) {
      throw notJson(e);
    }
    if (value == null) {
      throw notJson(null);
    }
    return value;
  }

  private static Fault notJson(@Nullable Throwable cause) {
    Fault fault =
        Fault.of(
            Status.Code.INVALID_ARGUMENT, "MALFORMED_JSON", "the body is not the expected JSON");
    return cause == null ? fault : fault.cause(cause);
  }
}
