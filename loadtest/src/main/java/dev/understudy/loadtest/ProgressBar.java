package dev.understudy.loadtest;

import java.io.PrintWriter;
import java.util.Locale;

/** One line that is rewritten on a terminal, and silence elsewhere. Used by one thread. */
final class ProgressBar {

  private static final int WIDTH = 30;

  private final PrintWriter out;
  private final boolean terminal;

  ProgressBar(PrintWriter out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  void show(String what, double share) {
    if (!terminal) {
      return;
    }
    int filled = (int) Math.round(Math.clamp(share, 0, 1) * WIDTH);
    out.printf(
        Locale.ROOT,
        "\r%-24s [%s%s] %3.0f %% ",
        what,
        "#".repeat(filled),
        " ".repeat(WIDTH - filled),
        share * 100);
    out.flush();
  }

  void clear() {
    if (terminal) {
      out.print("\r" + " ".repeat(80) + "\r");
      out.flush();
    }
  }
}
