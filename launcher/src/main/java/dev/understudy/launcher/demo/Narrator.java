package dev.understudy.launcher.demo;

import java.io.PrintWriter;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Tells the story: on a terminal one line at the bottom is kept up to date while the rest scrolls;
 * elsewhere every line stays. Thread-safe.
 */
final class Narrator {

  private static final String CLEAR = "\r\033[2K";

  private final PrintWriter out;
  private final boolean terminal;
  private final long startNanos = System.nanoTime();
  private @Nullable String live;

  Narrator(PrintWriter out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  /** A line with the time since the start. */
  synchronized void say(String text) {
    line(String.format(Locale.ROOT, "%5.1f s  %s", seconds(), text));
  }

  /** A line as it is. */
  synchronized void line(String text) {
    if (terminal && live != null) {
      out.print(CLEAR);
    }
    out.println(text);
    redraw();
    out.flush();
  }

  /** A heading between blank lines. */
  synchronized void heading(String text) {
    line("");
    line(terminal ? "\033[1m" + text + "\033[0m" : text);
  }

  /** What the bottom line shows from now on; not shown when this is no terminal. */
  synchronized void live(@Nullable String text) {
    if (terminal) {
      if (live != null) {
        out.print(CLEAR);
      }
      live = text;
      redraw();
      out.flush();
    }
  }

  double seconds() {
    return (System.nanoTime() - startNanos) / 1e9;
  }

  private void redraw() {
    String text = live;
    if (terminal && text != null) {
      out.print(text.length() > 118 ? text.substring(0, 117) + "…" : text);
    }
  }
}
