package dev.understudy.router.accesslog;

import com.google.gson.stream.JsonWriter;
import dev.understudy.router.accesslog.AccessLogSettings.Naming;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Instant;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/** Writes an entry as one line of JSON, every field always there, in one order. For one thread. */
final class Line {
  /** Callers choose some texts; longer ones are cut. */
  private static final int MOST_CHARS = 256;

  private final Naming naming;
  private final @Nullable Mac mac;

  Line(Naming naming, @Nullable String salt) {
    this.naming = naming;
    try {
      if (salt == null) {
        mac = null;
      } else {
        mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(salt.getBytes(StandardCharsets.US_ASCII), "HmacSHA256"));
      }
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform has HmacSHA256", e);
    }
  }

  byte[] of(Entry entry) {
    StringWriter text = new StringWriter(512);
    try (JsonWriter json = new JsonWriter(text)) {
      json.setSerializeNulls(true);
      json.beginObject();
      json.name("time").value(Instant.ofEpochMilli(entry.unixMs()).toString());
      text(json, "prediction_id", entry.predictionId());
      text(json, "request_id", entry.clientId());
      text(json, "principal", principal(entry.principal()));
      text(json, "model", entry.model());
      text(json, "asked_version", entry.asked());
      text(json, "assigned_arm", entry.assigned());
      text(json, "arm", entry.arm());
      text(json, "version", entry.version());
      json.name("status").value(entry.status());
      text(json, "reason", entry.reason());
      micros(json, "total_us", entry.totalNanos());
      micros(json, "upstream_us", entry.upstreamNanos());
      number(json, "request_bytes", entry.requestBytes());
      number(json, "response_bytes", entry.responseBytes());
      json.name("flags").beginArray();
      for (String flag : entry.flags()) {
        json.value(flag);
      }
      json.endArray();
      json.name("review_required").value(entry.reviewRequired());
      text(json, "trace_id", entry.traceId());
      json.endObject();
    } catch (IOException e) {
      throw new UncheckedIOException("a text cannot fail", e);
    }
    return text.append('\n').toString().getBytes(StandardCharsets.UTF_8);
  }

  private String principal(String name) {
    Mac hash = mac;
    return switch (naming) {
      case CLEAR -> name;
      case NONE -> "";
      case HASHED ->
          name.isEmpty() || hash == null
              ? ""
              : HexFormat.of().formatHex(hash.doFinal(name.getBytes(StandardCharsets.UTF_8)), 0, 8);
    };
  }

  private static void text(JsonWriter json, String name, String value) throws IOException {
    json.name(name);
    if (value.isEmpty()) {
      json.nullValue();
    } else {
      json.value(value.length() > MOST_CHARS ? value.substring(0, MOST_CHARS) : value);
    }
  }

  private static void micros(JsonWriter json, String name, long nanos) throws IOException {
    number(json, name, nanos < 0 ? nanos : (nanos + 500) / 1000);
  }

  private static void number(JsonWriter json, String name, long value) throws IOException {
    json.name(name);
    if (value < 0) {
      json.nullValue();
    } else {
      json.value(value);
    }
  }
}
