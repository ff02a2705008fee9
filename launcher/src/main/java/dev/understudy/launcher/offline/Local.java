package dev.understudy.launcher.offline;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.modelserver.ModelServer;
import dev.understudy.modelserver.config.ModelServerConfig;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Model files behind a model server of this process on loopback, so that the path a call takes in
 * production is what is measured. The files are linked into a repository of our own, or copied
 * where the file system links none; it goes when the server does, or when the process ends before.
 */
final class Local implements AutoCloseable {
  static final String MODEL_FILE = "model.onnx";
  private static final String VERSION = "1";
  private static final String CONFIG = "config.pbtxt";

  private final Path repository;
  private final Thread atEnd;
  private final ModelServer server;

  private Local(Path repository, Thread atEnd, ModelServer server) {
    this.repository = repository;
    this.atEnd = atEnd;
    this.server = server;
  }

  /**
   * Serves files as models with the names given.
   *
   * @param names as many as subjects
   * @param subjects files or version folders
   */
  static Local serve(List<String> names, List<Subject> subjects) throws IOException {
    Path repository = Files.createTempDirectory("understudy-compare-");
    Thread atEnd = new Thread(() -> deleteQuietly(repository), "compare-clean-up");
    try {
      Runtime.getRuntime().addShutdownHook(atEnd);
      for (int i = 0; i < names.size(); i++) {
        Path version = Files.createDirectories(repository.resolve(names.get(i)).resolve(VERSION));
        switch (subjects.get(i)) {
          case Subject.OnnxFile(Path file) -> copyFile(file, version);
          case Subject.VersionFolder(Path folder) -> copyFolder(folder, version);
          case Subject.Served served ->
              throw new IllegalArgumentException(served + " (expected: a file)");
        }
      }
      return new Local(repository, atEnd, ModelServer.start(ModelServerConfig.local(repository)));
    } catch (IOException | RuntimeException | Error e) {
      forget(atEnd);
      delete(repository);
      throw e;
    }
  }

  private static void forget(Thread atEnd) {
    try {
      Runtime.getRuntime().removeShutdownHook(atEnd);
    } catch (IllegalStateException shuttingDown) {
      // It is at work, or was never to be.
    }
  }

  /** The model, and the weights that it keeps in files beside it. */
  private static void copyFile(Path file, Path version) throws IOException {
    link(file, version.resolve(MODEL_FILE));
    String name = String.valueOf(file.getFileName());
    Path folder = file.toAbsolutePath().getParent();
    if (folder == null) {
      return;
    }
    try (Stream<Path> beside = Files.list(folder)) {
      for (Path path : beside.filter(Files::isRegularFile).toList()) {
        String other = String.valueOf(path.getFileName());
        if (!other.equals(name) && other.startsWith(name)) {
          link(path, version.resolve(other));
        }
      }
    }
  }

  private static void copyFolder(Path folder, Path version) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path path : files.filter(Files::isRegularFile).toList()) {
        link(path, version.resolve(path.getFileName()));
      }
    }
    Path model = folder.toAbsolutePath().normalize().getParent();
    Path ours = version.getParent();
    if (model != null && ours != null && Files.isRegularFile(model.resolve(CONFIG))) {
      String config = Files.readString(model.resolve(CONFIG));
      // Where a field stands twice the last one counts. Folders are called otherwise here, and a
      // configuration may bear no name but its folder's.
      Files.writeString(
          ours.resolve(CONFIG),
          config + "\nname: \"" + ours.getFileName() + "\"\nversion_policy { all {} }\n");
    }
  }

  /**
   * A second name for the file, of which there may be gigabytes. No symbolic link: the runtime
   * refuses weights that lie outside the folder of their model.
   */
  private static void link(Path file, Path name) throws IOException {
    try {
      Files.createLink(name, file.toRealPath());
    } catch (FileSystemException | UnsupportedOperationException anotherFileSystem) {
      Files.copy(file, name);
    }
  }

  HostPort address() {
    Integer port = server.ports().get("grpc");
    if (port == null) {
      throw new IllegalStateException("the model server has no port");
    }
    return HostPort.loopback(port);
  }

  @Override
  public void close() throws IOException {
    server.close();
    forget(atEnd);
    if (Files.exists(repository)) {
      delete(repository);
    }
  }

  private static void deleteQuietly(Path folder) {
    try {
      delete(folder);
    } catch (IOException e) {
      // The process ends; what is left lies in the folder for temporary files.
    }
  }

  private static void delete(Path folder) throws IOException {
    Files.walkFileTree(
        folder,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path done, @Nullable IOException e)
              throws IOException {
            Files.delete(done);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
