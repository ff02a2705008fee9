package dev.understudy.chassis.config;

import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Reads single values without units. What has another form or lies out of bounds is null. */
final class Scalars {
  private static final Pattern INTEGER = Pattern.compile("[+-]?\\d{1,3}(_?\\d{1,3})*");
  private static final Pattern REAL =
      Pattern.compile("[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d{1,3})?");

  private Scalars() {}

  /**
   * A whole number within bounds, both included.
   *
   * @throws NumberFormatException if it does not fit into 64 bits
   */
  static @Nullable Long integer(String text, long min, long max) {
    if (!INTEGER.matcher(text).matches()) {
      return null;
    }
    long value = Long.parseLong(text.replace("_", ""));
    return value < min || value > max ? null : value;
  }

  /** A finite number. */
  static @Nullable Double finite(String text) {
    if (!REAL.matcher(text).matches()) {
      return null;
    }
    double value = Double.parseDouble(text);
    return Double.isFinite(value) ? value : null;
  }

  /** A finite number within bounds, both included. */
  static @Nullable Double real(String text, double min, double max) {
    Double value = finite(text);
    return value == null || value < min || value > max ? null : value;
  }

  /** A share of one, such as {@code 0.05} or {@code 5%}. */
  static @Nullable Double ratio(String text) {
    boolean percent = text.endsWith("%");
    Double number = finite(percent ? text.substring(0, text.length() - 1).strip() : text);
    if (number == null) {
      return null;
    }
    double value = percent ? number / 100 : number;
    return value < 0 || value > 1 ? null : value;
  }

  /** {@code true} or {@code false}. */
  static @Nullable Boolean flag(String text) {
    return switch (text) {
      case "true" -> Boolean.TRUE;
      case "false" -> Boolean.FALSE;
      default -> null;
    };
  }

  /** A constant of an enum, written {@code like-this} or {@code LIKE_THIS}. */
  static <E extends Enum<E>> @Nullable E constant(String text, Class<E> type) {
    for (E constant : type.getEnumConstants()) {
      if (constant.name().equals(text) || kebab(constant).equals(text)) {
        return constant;
      }
    }
    return null;
  }

  /** How the constants of an enum are written, for messages. */
  static <E extends Enum<E>> String names(Class<E> type) {
    return Stream.of(type.getEnumConstants()).map(Scalars::kebab).collect(Collectors.joining(", "));
  }

  private static String kebab(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
