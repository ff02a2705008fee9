package dev.understudy.launcher.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The page of demands tells of each exactly once, and claims nothing without a test. */
class DemandsTest {

  private static final int DEMANDS = 67;
  private static final Pattern ENTRY =
      Pattern.compile(
          "(?m)^- \\*\\*(\\d+)\\. [^*]+\\*\\*(?: T)? \\((yes|partly|not yet)\\)\\."
              + "((?:.*\\n)(?: {2}.*\\n)*)");
  private static final Pattern ANY_NUMBER = Pattern.compile("(?m)^- \\*\\*(\\d+)\\.");
  private static final Pattern TESTS = Pattern.compile("`(\\w+Test)`");

  @Test
  void everyDemandIsThereOnceAndInOrder() throws IOException {
    String page = Pages.text("demands.md");
    List<Integer> numbers = new ArrayList<>();
    Matcher entry = ENTRY.matcher(page);
    while (entry.find()) {
      numbers.add(Integer.valueOf(entry.group(1)));
    }
    assertEquals(IntStream.rangeClosed(1, DEMANDS).boxed().toList(), numbers);
    assertEquals(DEMANDS, Pages.matches(ANY_NUMBER, page).size(), "an entry of another form");
  }

  @Test
  void whateverIsClaimedNamesATestThatExistsAndALimit() throws IOException {
    Set<String> files = Pages.files();
    Matcher entry = ENTRY.matcher(Pages.text("demands.md"));
    while (entry.find()) {
      String number = entry.group(1);
      if (entry.group(2).equals("not yet")) {
        continue;
      }
      String text = entry.group(3).replaceAll("\\s+", " ");
      List<String> tests = Pages.matches(TESTS, text);
      assertFalse(tests.isEmpty(), "demand " + number + " names no test");
      for (String test : tests) {
        assertTrue(Pages.hasTest(files, test), "demand " + number + ": no " + test);
      }
      assertTrue(text.contains("Limit: "), "demand " + number + " names no limit");
      assertTrue(text.contains("See: "), "demand " + number + " is shown nowhere");
    }
  }
}
