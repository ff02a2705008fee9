package dev.understudy.chassis.config;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.Tag;

/**
 * Reads one YAML file into a typed value.
 *
 * <p>The caller's function asks the root {@link Section} for each key it knows. A wrong value
 * yields its default and is remembered; when the function is done, everything wrong, unknown keys
 * included, is thrown as one {@link ConfigException}. The function may therefore build its result
 * without caring about errors; what its constructors throw counts only if nothing else is wrong.
 *
 * <p>A scalar {@code server.maxMessage} can be overridden by the environment variable {@code
 * UNDERSTUDY_SERVER_MAX_MESSAGE}, and {@code ${NAME}} or {@code ${NAME:-default}} inside a scalar
 * is replaced from the environment; a doubled dollar sign before the brace stands for a literal
 * one.
 */
public final class ConfigFile {
  /** The largest file that is read, in characters. */
  public static final int MAX_CHARACTERS = 4 << 20;

  private static final int MAX_DEPTH = 32;
  private static final int MAX_ALIASES = 50;

  private ConfigFile() {}

  /**
   * Reads a file in UTF-8. Relative paths in it are resolved against its folder.
   *
   * @throws ConfigException with all problems at once
   */
  public static <T> T read(Path file, Function<Section, T> reader) {
    String text;
    try {
      if (Files.size(file) > 4L * MAX_CHARACTERS) {
        throw new ConfigException(file + ": larger than " + MAX_CHARACTERS + " characters");
      }
      text = Files.readString(file);
    } catch (NoSuchFileException e) {
      throw new ConfigException(file + ": no such file");
    } catch (CharacterCodingException e) {
      throw new ConfigException(file + ": not valid UTF-8");
    } catch (IOException e) {
      throw new ConfigException(file + ": cannot be read: " + e.getMessage());
    }
    Path folder = file.toAbsolutePath().getParent();
    return parse(new Problems(file.toString(), folder, System.getenv()), text, reader);
  }

  /**
   * Reads a text that is already there, with the process's environment.
   *
   * @param name stands in the messages where a file name would
   */
  public static <T> T parse(String name, String text, Function<Section, T> reader) {
    return parse(name, text, System.getenv(), reader);
  }

  /** Reads a text with an environment of the caller's. */
  public static <T> T parse(
      String name, String text, Map<String, String> environment, Function<Section, T> reader) {
    return parse(new Problems(name, null, environment), text, reader);
  }

  private static <T> T parse(Problems problems, String text, Function<Section, T> reader) {
    Section root = Section.root(problems, compose(problems, text));
    T result = null;
    RuntimeException thrown = null;
    try {
      result = reader.apply(root);
    } catch (ConfigException e) {
      e.problems().forEach(problem -> problems.add(root.line(), problem));
    } catch (IllegalArgumentException | NullPointerException | IllegalStateException e) {
      // A constructor refused a combination, or stumbled over a stand-in for a wrong value.
      thrown = e;
    }
    problems.addUnknownKeys();
    if (problems.any()) {
      throw new ConfigException(problems.inOrder());
    }
    if (thrown instanceof IllegalArgumentException) {
      problems.add(root.line(), String.valueOf(thrown.getMessage()));
      throw new ConfigException(problems.inOrder());
    }
    if (thrown != null) {
      throw thrown;
    }
    if (result == null) {
      throw new IllegalStateException("the reader returned null");
    }
    return result;
  }

  private static @Nullable MappingNode compose(Problems problems, String text) {
    var settings =
        LoadSettings.builder()
            .setUseMarks(true)
            .setCodePointLimit(MAX_CHARACTERS)
            .setMaxAliasesForCollections(MAX_ALIASES)
            .setAllowRecursiveKeys(false)
            .build();
    try {
      checkShape(problems, new Parse(settings).parseString(text));
      if (problems.any()) {
        throw new ConfigException(problems.inOrder());
      }
      Node node = new Compose(settings).composeString(text).orElse(null);
      if (node == null || node.getTag().equals(Tag.NULL)) {
        return null;
      }
      if (node instanceof MappingNode mapping) {
        return mapping;
      }
      problems.add(1, "the file is not a mapping (expected: key: value)");
    } catch (MarkedYamlEngineException e) {
      int line = e.getProblemMark().or(e::getContextMark).map(Mark::getLine).orElse(0) + 1;
      problems.add(line, "not valid YAML: " + e.getProblem());
    } catch (YamlEngineException e) {
      String message = String.valueOf(e.getMessage());
      problems.add(1, "not valid YAML: " + message.lines().findFirst().orElse(""));
    } catch (NumberFormatException | IndexOutOfBoundsException e) {
      // The engine lets these out for some escapes in double quotes.
      problems.add(1, "not valid YAML: a malformed escape in double quotes");
    }
    throw new ConfigException(problems.inOrder());
  }

  /** Refuses what would make the composer recurse deeply or grow without bound. */
  private static void checkShape(Problems problems, Iterable<Event> events) {
    int depth = 0;
    int aliases = 0;
    for (Event event : events) {
      depth +=
          switch (event.getEventId()) {
            case MappingStart, SequenceStart -> 1;
            case MappingEnd, SequenceEnd -> -1;
            default -> 0;
          };
      aliases += event.getEventId() == Event.ID.Alias ? 1 : 0;
      int line = event.getStartMark().map(Mark::getLine).orElse(0) + 1;
      if (depth > MAX_DEPTH) {
        problems.add(line, "nested too deeply (expected: at most " + MAX_DEPTH + " levels)");
        return;
      }
      if (aliases > MAX_ALIASES) {
        problems.add(line, "too many aliases (expected: at most " + MAX_ALIASES + ")");
        return;
      }
    }
  }

  static List<String> environmentWords(String key) {
    // maxMessage and max-message both become MAX_MESSAGE.
    return List.of(key.replaceAll("([a-z0-9])([A-Z])", "$1_$2").split("[^A-Za-z0-9]+", -1));
  }
}
