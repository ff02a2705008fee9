package dev.understudy.launcher.cli;

import java.io.Console;

/** Whether a person is looking. */
final class Terminal {

  private Terminal() {}

  /** Whether standard input and output are a terminal. */
  @SuppressWarnings("SystemConsoleNull") // JDK 25 gives null again when output is redirected.
  static boolean attended() {
    Console console = System.console();
    return console != null && console.isTerminal();
  }
}
