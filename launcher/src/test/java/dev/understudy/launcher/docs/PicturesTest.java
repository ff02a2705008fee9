package dev.understudy.launcher.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.launcher.cli.Commands;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xml.sax.InputSource;

/** The committed pictures are what the command draws, and the page shows all of them. */
class PicturesTest {

  @Test
  void picturesAreWhatTheCommandDraws(@TempDir Path directory) throws Exception {
    Path drawn = directory.resolve("new/pictures");
    assertEquals(0, Commands.execute("statistics", "pictures", "--out", drawn.toString()));
    Path committed = Pages.root().resolve("docs/pictures");
    assertEquals(svgs(committed), svgs(drawn));
    for (String file : svgs(drawn)) {
      String svg = Files.readString(drawn.resolve(file));
      assertEquals(
          svg,
          Files.readString(committed.resolve(file)),
          file + ": run `understudy statistics pictures --out docs/pictures`");
      DocumentBuilderFactory.newInstance()
          .newDocumentBuilder()
          .parse(new InputSource(new StringReader(svg)));
    }
  }

  @Test
  void thePageShowsEachOfThem() throws IOException {
    String page = Pages.text("statistics.md");
    for (String file : svgs(Pages.root().resolve("docs/pictures"))) {
      assertTrue(page.contains("(pictures/" + file + ")"), file);
    }
  }

  private static Set<String> svgs(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> folder.relativize(file).toString())
          .filter(name -> name.endsWith(".svg"))
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }
}
