package dev.understudy.launcher.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Whatever a page points to is there. */
class LinksTest {

  private static final Pattern LINK = Pattern.compile("\\[([^\\]\\n]*)\\]\\(([^)\\s]+)\\)");
  private static final Pattern ABSOLUTE = Pattern.compile("[a-z]+:.*");
  private static final Pattern JAVA_PATH = Pattern.compile("`([\\w.-]+/[^`\\s]*\\.java)`");
  private static final Pattern TEST_CLASS = Pattern.compile("`(\\w+Test)`");

  @Test
  void everyRelativeLinkLeadsToAFile() throws IOException {
    List<String> broken = new ArrayList<>();
    int links = 0;
    for (Path page : Pages.all()) {
      Matcher link = LINK.matcher(Files.readString(page));
      while (link.find()) {
        String target = link.group(2);
        if (ABSOLUTE.matcher(target).matches() || target.startsWith("#")) {
          continue;
        }
        links++;
        int anchor = target.indexOf('#');
        String file = anchor < 0 ? target : target.substring(0, anchor);
        if (!Files.exists(page.resolveSibling(file))) {
          broken.add(page.getFileName() + ": " + target);
        }
      }
    }
    assertEquals(List.of(), broken);
    assertTrue(links > 100, "links: " + links);
  }

  @Test
  void aLinkToAClassBearsItsName() throws IOException {
    List<String> misnamed = new ArrayList<>();
    for (Path page : Pages.all()) {
      Matcher link = LINK.matcher(Files.readString(page));
      while (link.find()) {
        String target = link.group(2);
        if (target.endsWith(".java") && !target.endsWith("/" + link.group(1) + ".java")) {
          misnamed.add(page.getFileName() + ": " + link.group());
        }
      }
    }
    assertEquals(List.of(), misnamed);
  }

  @Test
  void everyClassThatAPageNamesByItsPathExists() throws IOException {
    Set<String> files = Pages.files();
    List<String> missing = new ArrayList<>();
    for (Path page : Pages.all()) {
      for (String path : Pages.matches(JAVA_PATH, Files.readString(page))) {
        String module = path.substring(0, path.indexOf('/') + 1);
        String name = path.substring(path.lastIndexOf('/'));
        boolean found =
            path.contains("…")
                ? files.stream().anyMatch(file -> file.startsWith(module) && file.endsWith(name))
                : files.contains(path);
        if (!found) {
          missing.add(page.getFileName() + ": " + path);
        }
      }
    }
    assertEquals(List.of(), missing);
  }

  @Test
  void everyTestThatAPageNamesExists() throws IOException {
    Set<String> files = Pages.files();
    List<String> missing = new ArrayList<>();
    for (Path page : Pages.all()) {
      for (String name : Pages.matches(TEST_CLASS, Files.readString(page))) {
        if (!Pages.hasTest(files, name)) {
          missing.add(page.getFileName() + ": " + name);
        }
      }
    }
    assertEquals(List.of(), missing);
  }

  @Test
  void everyPageBeginsWithItsTitleAndSaysWhatItAnswers() throws IOException {
    for (Path page : Pages.all()) {
      String text = Files.readString(page);
      assertTrue(text.startsWith("# "), page + " has no title");
      assertTrue(text.lines().skip(1).anyMatch(line -> !line.isBlank()), page + " is empty");
    }
  }
}
