package dev.understudy.launcher.offline;

import dev.understudy.chassis.config.HostPort;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A version of a model, as somebody names it on the command line. */
public sealed interface Subject {
  /** A model file. */
  record OnnxFile(Path file) implements Subject {
    @Override
    public String shortName() {
      return String.valueOf(file.getFileName());
    }
  }

  /** A version folder of a model repository; holds {@code model.onnx}. */
  record VersionFolder(Path folder) implements Subject {
    @Override
    public String shortName() {
      Path model = folder.toAbsolutePath().normalize().getParent();
      return (model == null ? "" : model.getFileName() + "/") + folder.getFileName();
    }
  }

  /**
   * A model behind any Open Inference Protocol server.
   *
   * @param version empty for the one that the server chooses
   */
  record Served(HostPort address, String model, String version) implements Subject {
    @Override
    public String shortName() {
      return model + (version.isEmpty() ? "" : ":" + version) + " at " + address;
    }
  }

  /** A model name and perhaps a version after the first slash. */
  Pattern SERVED = Pattern.compile("([^/]+:\\d{1,5})/([^:]+?)(?::([^:/]*))?");

  /** How it is called in reports. */
  String shortName();

  /**
   * Reads {@code model.onnx}, {@code repository/model/1}, or {@code host:port/model[:version]}.
   * What is there as a file is a file.
   *
   * @throws OfflineException when it is none of them
   */
  static Subject parse(String text) throws OfflineException {
    Path path = Path.of(text);
    if (Files.isRegularFile(path)) {
      return new OnnxFile(path);
    }
    if (Files.isDirectory(path)) {
      if (!Files.isRegularFile(path.resolve(Local.MODEL_FILE))) {
        throw new OfflineException(
            OfflineException.Kind.MODEL,
            text + ": holds no " + Local.MODEL_FILE + " (expected: a version folder such as m/1)");
      }
      return new VersionFolder(path);
    }
    return served(text);
  }

  /**
   * Reads {@code host:port/model[:version]}.
   *
   * @throws OfflineException when it is not of that form
   */
  static Served served(String text) throws OfflineException {
    Matcher served = SERVED.matcher(text);
    if (served.matches()) {
      try {
        String version = served.group(3);
        return new Served(
            HostPort.parse(served.group(1)), served.group(2), version == null ? "" : version);
      } catch (IllegalArgumentException e) {
        throw new OfflineException(OfflineException.Kind.USAGE, text + ": " + e.getMessage());
      }
    }
    throw new OfflineException(
        OfflineException.Kind.USAGE,
        "'"
            + text
            + "' is no file and no server (expected: model.onnx, repository/model/1, or"
            + " host:port/model[:version])");
  }
}
