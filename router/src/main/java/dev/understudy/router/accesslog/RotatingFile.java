package dev.understudy.router.accesslog;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import org.jspecify.annotations.Nullable;

/**
 * A file that is put aside when it is full: {@code access.log} becomes {@code access.log.1}, that
 * becomes {@code access.log.2}, and the oldest goes. After a failure the file is opened anew by the
 * next write. For one thread.
 */
final class RotatingFile implements AutoCloseable {
  private final Path file;
  private final long mostBytes;
  private final int keep;
  private @Nullable OutputStream out;
  private long written;

  RotatingFile(Path file, long mostBytes, int keep) {
    this.file = file;
    this.mostBytes = mostBytes;
    this.keep = keep;
  }

  /** Writes a line whole to one file. */
  void write(byte[] line) throws IOException {
    try {
      OutputStream to = open();
      if (written > 0 && written + line.length > mostBytes) {
        rotate();
        to = open();
      }
      to.write(line);
      written += line.length;
    } catch (IOException e) {
      close();
      throw e;
    }
  }

  private OutputStream open() throws IOException {
    OutputStream open = out;
    if (open == null) {
      Path folder = file.toAbsolutePath().getParent();
      if (folder != null) {
        Files.createDirectories(folder);
      }
      make();
      open = Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      written = Files.size(file);
      out = open;
    }
    return open;
  }

  /** Makes the file if need be, which says who asked for what: not for everybody to read. */
  private void make() throws IOException {
    if (Files.exists(file)
        || !file.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      return;
    }
    try {
      Files.createFile(
          file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-r-----")));
    } catch (FileAlreadyExistsException somebodyWasFaster) {
      return;
    }
  }

  private void rotate() throws IOException {
    close();
    for (int i = keep - 1; i >= 1; i--) {
      if (Files.exists(aside(i))) {
        Files.move(aside(i), aside(i + 1), StandardCopyOption.REPLACE_EXISTING);
      }
    }
    Files.move(file, aside(1), StandardCopyOption.REPLACE_EXISTING);
  }

  private Path aside(int number) {
    return file.resolveSibling(file.getFileName() + "." + number);
  }

  @Override
  public void close() throws IOException {
    OutputStream open = out;
    out = null;
    if (open != null) {
      open.close();
    }
  }
}
