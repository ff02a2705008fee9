package dev.understudy.launcher.docs;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The repository as a reader of its pages sees it. */
final class Pages {

  private static final Set<String> SKIPPED = Set.of("target", ".git", "node_modules");

  private Pages() {}

  /** The folder whose pom.xml lists the modules, from the working folder upwards. */
  static Path root() throws IOException {
    for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
      Path pom = folder.resolve("pom.xml");
      if (Files.exists(pom) && Files.readString(pom).contains("<modules>")) {
        return folder;
      }
    }
    throw new IOException(
        Path.of("").toAbsolutePath() + ": no folder above has a pom.xml with <modules>");
  }

  /** README.md and every page below docs. */
  static List<Path> all() throws IOException {
    List<Path> pages = new ArrayList<>();
    pages.add(root().resolve("README.md"));
    try (Stream<Path> docs = Files.walk(root().resolve("docs"))) {
      pages.addAll(docs.filter(page -> page.toString().endsWith(".md")).sorted().toList());
    }
    return pages;
  }

  /** The text of a page of docs. */
  static String text(String page) throws IOException {
    return Files.readString(root().resolve("docs").resolve(page));
  }

  /** The text of a file by its path in the repository. */
  static String source(String path) throws IOException {
    return Files.readString(root().resolve(path));
  }

  /** The paths of all files of the repository, with slashes, builds left out. */
  static Set<String> files() throws IOException {
    Path root = root();
    Set<String> files = new TreeSet<>();
    var _ =
        Files.walkFileTree(
            root,
            new SimpleFileVisitor<>() {
              @Override
              public FileVisitResult preVisitDirectory(
                  Path folder, BasicFileAttributes attributes) {
                Path name = folder.getFileName();
                return name != null && SKIPPED.contains(name.toString())
                    ? FileVisitResult.SKIP_SUBTREE
                    : FileVisitResult.CONTINUE;
              }

              @Override
              public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                files.add(root.relativize(file).toString().replace('\\', '/'));
                return FileVisitResult.CONTINUE;
              }
            });
    return files;
  }

  /** Whether some module has a test class of that name. */
  static boolean hasTest(Set<String> files, String name) {
    return files.stream()
        .anyMatch(file -> file.contains("/src/test/") && file.endsWith("/" + name + ".java"));
  }

  /** What the first group of a pattern matches, in order. */
  static List<String> matches(Pattern pattern, String text) {
    List<String> found = new ArrayList<>();
    Matcher matcher = pattern.matcher(text);
    while (matcher.find()) {
      found.add(matcher.group(1));
    }
    return found;
  }
}
