package dev.understudy.modelkit.repository;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * A folder of models in Triton's layout: {@code <root>/<model>/<version>/model.onnx}, with what
 * belongs to all versions in {@code <root>/<model>/}. Files appear whole or not at all, so a server
 * may look while the repository is written.
 */
public record ModelRepository(Path root) {

  /**
   * Writes one version of a model.
   *
   * @param version from 1
   * @return the file
   */
  public Path writeVersion(String model, int version, byte[] onnx) {
    if (version < 1) {
      throw new IllegalArgumentException("version is " + version + ", expected 1 or more");
    }
    Path file = versionFile(model, version);
    write(file, onnx);
    return file;
  }

  /** Writes a text file that belongs to all versions of a model. */
  public Path writeText(String model, String fileName, String text) {
    Path file = root.resolve(model).resolve(fileName);
    write(file, text.getBytes(StandardCharsets.UTF_8));
    return file;
  }

  /** Where a version of a model is, or would be. */
  public Path versionFile(String model, int version) {
    return root.resolve(model).resolve(Integer.toString(version)).resolve("model.onnx");
  }

  /** SHA-256 of the bytes, in hexadecimal. */
  public static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }

  private static void write(Path file, byte[] bytes) {
    try {
      Files.createDirectories(file.getParent());
      String writer = ProcessHandle.current().pid() + "-" + Thread.currentThread().threadId();
      Path partial = file.resolveSibling("." + file.getFileName() + "." + writer + ".partial");
      Files.write(partial, bytes);
      Files.move(
          partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }
}
