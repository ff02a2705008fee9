package dev.understudy.chassis.http;

import dev.understudy.chassis.error.Fault;
import io.grpc.Status;
import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import java.util.regex.Pattern;

/** Reads files that lie in a jar. */
final class Resources {
  private static final Map<String, String> TYPES =
      Map.ofEntries(
          Map.entry("html", "text/html; charset=utf-8"),
          Map.entry("css", "text/css; charset=utf-8"),
          Map.entry("js", "text/javascript; charset=utf-8"),
          Map.entry("json", "application/json; charset=utf-8"),
          Map.entry("txt", "text/plain; charset=utf-8"),
          Map.entry("svg", "image/svg+xml"),
          Map.entry("png", "image/png"),
          Map.entry("ico", "image/x-icon"),
          Map.entry("woff2", "font/woff2"));

  /** Names without dots at their start: neither {@code ..} nor hidden files. */
  private static final Pattern SAFE =
      Pattern.compile("(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*");

  private Resources() {}

  static HttpResponse serve(Class<?> owner, String folder, String path) throws IOException {
    String name = path.isEmpty() ? "index.html" : path;
    String type = TYPES.get(name.substring(name.lastIndexOf('.') + 1));
    if (type != null && SAFE.matcher(name).matches()) {
      try (InputStream in = owner.getResourceAsStream(folder + "/" + name)) {
        if (in != null) {
          return HttpResponse.of(200, type, in.readAllBytes()).header("Cache-Control", "no-cache");
        }
      }
    }
    throw Fault.of(Status.Code.NOT_FOUND, "NO_ROUTE", "no such file: " + name);
  }
}
