package dev.understudy.router;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;

/** What Prometheus would read. */
final class Metrics {
  private Metrics() {}

  /** The sum over all series of one name; -1 when there is none. */
  static long read(int port, String name) {
    try (var in = URI.create("http://127.0.0.1:" + port + "/metrics").toURL().openStream()) {
      double sum = 0;
      boolean found = false;
      for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList()) {
        if (line.startsWith(name + " ") || line.startsWith(name + "{")) {
          sum += Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1));
          found = true;
        }
      }
      return found ? Math.round(sum) : -1;
    } catch (IOException e) {
      throw new AssertionError("the metrics cannot be read", e);
    }
  }
}
