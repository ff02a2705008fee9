package dev.understudy.collector.dashboard;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.Collection;
import java.util.Locale;
import java.util.function.BiConsumer;

/** An object under construction. What is not a finite number becomes null, as JSON has no other. */
final class Json {
  private final JsonObject object = new JsonObject();

  Json put(String key, String value) {
    object.addProperty(key, value);
    return this;
  }

  Json put(String key, long value) {
    object.addProperty(key, value);
    return this;
  }

  Json put(String key, boolean value) {
    object.addProperty(key, value);
    return this;
  }

  Json put(String key, double value) {
    if (Double.isFinite(value)) {
      object.addProperty(key, value);
    } else {
      object.add(key, null);
    }
    return this;
  }

  Json put(String key, Json value) {
    object.add(key, value.object);
    return this;
  }

  Json put(String key, JsonArray value) {
    object.add(key, value);
    return this;
  }

  Json none(String key) {
    object.add(key, null);
    return this;
  }

  <T> Json list(String key, Collection<T> items, BiConsumer<Json, T> each) {
    JsonArray array = new JsonArray();
    for (T item : items) {
      Json one = new Json();
      each.accept(one, item);
      array.add(one.object);
    }
    object.add(key, array);
    return this;
  }

  JsonObject done() {
    return object;
  }

  /** A finite number, or null, in a list. */
  static void add(JsonArray array, double value) {
    if (Double.isFinite(value)) {
      array.add(value);
    } else {
      array.add((Number) null);
    }
  }

  /**
   * The name of a constant as it is written in text: {@code MIRRORED_CONTROL} as mirrored control.
   */
  static String word(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }
}
