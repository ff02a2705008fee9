package dev.understudy.launcher.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.launcher.demo.Demo;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The demonstration from end to end. On a starved machine the evidence may stay undecided in its
 * time; it must never be wrong.
 */
class DemoTest {

  @TempDir Path directory;

  @Test
  @Timeout(300)
  void neverPromotesTheWrongVersionNorHarmsACustomer() throws Exception {
    StringWriter text = new StringWriter();
    int code = new Demo(new PrintWriter(text, true), false, directory, 150, 0).run(false);
    String told = text.toString();
    assertTrue(code == Demo.AS_EXPECTED || code == Demo.UNDECIDED, () -> code + "\n" + told);
    assertTrue(told.contains("customers answered by version 3: 0"), told);
    assertTrue(told.contains("records verified"), told);
    assertFalse(told.contains("BROKEN"), told);
    if (code == Demo.AS_EXPECTED) {
      assertTrue(told.contains("), 0 errors"), told);
      assertEquals(3, told.lines().filter(line -> line.contains("ended as it should")).count());
      assertTrue(told.contains("from the first bad answer to 0 %: "), told);
    }
  }
}
