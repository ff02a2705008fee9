package dev.understudy.launcher.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class StatisticsCommandTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int execute(String... args) {
    CommandLine line = Commands.line();
    line.setOut(new PrintWriter(out));
    line.setErr(new PrintWriter(err));
    return line.execute(args);
  }

  @Test
  void aTableIsPrintedAndTheSameSeedGivesItAgain() {
    assertEquals(0, execute("statistics", "simulate", "--runs", "100", "--only", "CHANGED"));
    String first = out.toString();
    assertTrue(first.contains("| changed decisions on the limit | at most 5 % |"), first);
    assertTrue(first.endsWith("Seed 20260101.\n"), first);
    out.getBuffer().setLength(0);
    assertEquals(0, execute("statistics", "simulate", "--runs", "100", "--only", "changed"));
    assertEquals(first, out.toString());
  }

  @Test
  void badArgumentsAreRefusedWithWhatWasExpected() {
    assertEquals(2, execute("statistics", "simulate", "--runs", "3"));
    assertTrue(err.toString().contains("--runs: 3 (expected: 20 to"), err.toString());
    assertEquals(2, execute("statistics", "simulate", "--only", "moonshine"));
    assertTrue(err.toString().contains("--only: \"moonshine\" (expected: "), err.toString());
    assertEquals(2, execute("statistics", "pictures"));
  }
}
