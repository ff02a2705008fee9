package dev.understudy.chassis.config;

import java.util.function.Consumer;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Replaces {@code ${NAME}} and {@code ${NAME:-default}}; two dollar signs stand for one. */
final class Expansion {
  private static final Pattern REFERENCE =
      Pattern.compile("\\$(\\$\\{)|\\$\\{([^}:]*)(?::-([^}]*))?(\\}?)");
  private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

  private Expansion() {}

  /** The text with its references replaced, or null if one of them is a problem. */
  static @Nullable String expand(
      String text, Function<String, @Nullable String> variable, Consumer<String> problem) {
    if (text.indexOf("${") < 0) {
      return text;
    }
    var out = new StringBuilder();
    boolean whole = true;
    int from = 0;
    Matcher reference = REFERENCE.matcher(text);
    while (reference.find()) {
      out.append(text, from, reference.start());
      from = reference.end();
      if (reference.group(1) != null) {
        out.append("${");
        continue;
      }
      String name = reference.group(2);
      if (reference.group(4).isEmpty() || !NAME.matcher(name).matches()) {
        problem.accept("'" + text + "' (expected: ${NAME} or ${NAME:-default})");
        return null;
      }
      String value = variable.apply(name);
      if (value == null) {
        value = reference.group(3);
      }
      if (value == null) {
        problem.accept("the environment variable " + name + " is not set");
        whole = false;
      } else {
        out.append(value);
      }
    }
    return whole ? out.append(text, from, text.length()).toString() : null;
  }
}
