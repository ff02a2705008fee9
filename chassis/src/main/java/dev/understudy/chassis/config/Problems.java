package dev.understudy.chassis.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What all sections of one file share: the file, the environment, and what is wrong so far. */
final class Problems {
  private record Problem(int line, String text) {}

  private final String file;
  private final @Nullable Path directory;
  private final Map<String, String> environment;
  private final List<Problem> found = new ArrayList<>();
  private final List<Section> sections = new ArrayList<>();

  Problems(String file, @Nullable Path directory, Map<String, String> environment) {
    this.file = file;
    this.directory = directory;
    this.environment = environment;
  }

  void add(int line, String text) {
    found.add(new Problem(line, file + ":" + line + ": " + text));
  }

  boolean any() {
    return !found.isEmpty();
  }

  void opened(Section section) {
    sections.add(section);
  }

  /** Reports what was never asked for, once reading is over. */
  void addUnknownKeys() {
    for (Section section : List.copyOf(sections)) {
      section.reportUnknownKeys();
    }
  }

  List<String> inOrder() {
    return found.stream()
        .sorted(Comparator.comparingInt(Problem::line))
        .map(Problem::text)
        .distinct()
        .toList();
  }

  @Nullable String variable(String name) {
    return environment.get(name);
  }

  Path resolve(String path) {
    return directory == null ? Path.of(path) : directory.resolve(path);
  }
}
