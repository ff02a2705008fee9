package dev.understudy.modelserver.repository;

import dev.understudy.modelserver.execution.ModelLoadException;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The model repositories as they lie on disk: {@code <repository>/<model>/<version>/}. */
final class ModelFolders {
  private static final Pattern VERSION = Pattern.compile("[1-9][0-9]{0,17}");

  private final List<Path> repositories;

  ModelFolders(List<Path> repositories) {
    this.repositories = List.copyOf(repositories);
  }

  /** All models, with the folders that bear their names. */
  NavigableMap<String, List<Path>> models() throws IOException {
    NavigableMap<String, List<Path>> models = new TreeMap<>();
    for (Path repository : repositories) {
      for (Path folder : folders(repository)) {
        models
            .computeIfAbsent(folder.getFileName().toString(), name -> new ArrayList<>())
            .add(folder);
      }
    }
    return models;
  }

  /** The one folder of a model. */
  Path model(String name) throws ModelLoadException, IOException {
    List<Path> found = models().getOrDefault(name, List.of());
    return switch (found.size()) {
      case 0 -> throw new ModelLoadException("failed to poll from model repository");
      case 1 -> found.getFirst();
      default ->
          throw new ModelLoadException(
              "the name is taken in several repositories (" + found + "): keep one of them");
    };
  }

  /** The versions of a model; folders that are not named by a number do not count. */
  static NavigableSet<Long> versions(Path model) throws IOException {
    NavigableSet<Long> versions = new TreeSet<>();
    for (Path folder : folders(model)) {
      String name = folder.getFileName().toString();
      if (VERSION.matcher(name).matches()) {
        versions.add(Long.parseLong(name));
      }
    }
    return versions;
  }

  /** What the model's owner wrote. */
  static ConfigText config(Path model) throws ModelLoadException, IOException {
    Path file = model.resolve("config.pbtxt");
    if (!Files.exists(file)) {
      return ConfigText.NONE;
    }
    long size = Files.size(file);
    if (size > 4L * ConfigText.MAX_LENGTH) {
      throw new ModelLoadException("config.pbtxt has " + size + " bytes, which is too much");
    }
    try {
      return ConfigText.parse(Files.readString(file));
    } catch (MalformedInputException e) {
      throw new ModelLoadException("config.pbtxt is not UTF-8 text", e);
    }
  }

  private static List<Path> folders(Path parent) throws IOException {
    try (Stream<Path> children = Files.list(parent)) {
      return children
          .filter(Files::isDirectory)
          .filter(folder -> !folder.getFileName().toString().startsWith("."))
          .sorted()
          .toList();
    }
  }
}
