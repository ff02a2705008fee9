package dev.understudy.chassis.security;

import dev.understudy.chassis.config.ConfigException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * A value that is made from files, and made anew when their content changes. A change that cannot
 * be used leaves the last good value in force, and is logged and counted once.
 *
 * <p>All files are read before any is used, and it is their content that is compared, not their
 * time: a change that keeps the clock, or swaps a folder by a link as Kubernetes does, is seen too.
 * Files that belong together are seldom written in one step, so what cannot be used is given until
 * the next look to become whole before it counts as a failure.
 *
 * <p>{@link #get()} is one volatile read, for any thread; {@link #poll()} reads files and belongs
 * on a scheduler.
 *
 * @param <T> what is made
 */
public final class Reloading<T> {
  /** The largest file that is read: {@value} bytes. */
  public static final int MAX_FILE_BYTES = 4 << 20;

  /** Stands for the digest of files that cannot be read. */
  private static final byte[] UNREADABLE = {1};

  private static final Logger log = Logger.getLogger(Reloading.class.getName());

  /** Makes the value. */
  @FunctionalInterface
  public interface Loader<T> {
    /**
     * Makes the value of the files' content.
     *
     * @param contents one for each file, in their order
     * @throws ConfigException if they cannot be used
     */
    T load(List<byte[]> contents) throws IOException, GeneralSecurityException;
  }

  private final String what;
  private final List<Path> files;
  private final Loader<T> loader;
  private final AtomicLong reloads = new AtomicLong();
  private final AtomicLong failures = new AtomicLong();
  private volatile T value;

  // Guarded by this.
  private byte[] inForce;
  private byte[] refused = {};
  private boolean told;

  private Reloading(String what, List<Path> files, Loader<T> loader, T value, byte[] inForce) {
    this.what = what;
    this.files = files;
    this.loader = loader;
    this.value = value;
    this.inForce = inForce;
  }

  /**
   * Makes the first value.
   *
   * @param what names the value in the log
   * @throws ConfigException if a file cannot be read or used
   */
  public static <T> Reloading<T> open(String what, List<Path> files, Loader<T> loader) {
    List<Path> copy = List.copyOf(files);
    try {
      List<byte[]> contents = read(copy);
      return new Reloading<>(what, copy, loader, loader.load(contents), digest(contents));
    } catch (IOException | GeneralSecurityException e) {
      throw new ConfigException(what + ": " + text(e));
    }
  }

  /** The value in force. */
  public T get() {
    return value;
  }

  /**
   * Looks at the files.
   *
   * @return whether there is a new value
   */
  public synchronized boolean poll() {
    byte[] seen = UNREADABLE;
    try {
      List<byte[]> contents = read(files);
      seen = digest(contents);
      if (MessageDigest.isEqual(seen, inForce)) {
        refused = new byte[0];
        told = false;
        return false;
      }
      if (told && MessageDigest.isEqual(seen, refused)) {
        return false;
      }
      value = loader.load(contents);
      inForce = seen;
      told = false;
      reloads.incrementAndGet();
      log.log(Level.INFO, "Reloaded {0}", what);
      return true;
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      failed(seen, e);
      return false;
    }
  }

  private void failed(byte[] seen, Exception e) {
    boolean seenBefore = MessageDigest.isEqual(seen, refused);
    if (!seenBefore) {
      refused = seen;
      told = false;
    } else if (!told) {
      told = true;
      failures.incrementAndGet();
      log.log(
          Level.WARNING,
          "Cannot reload {0}, the last good one stays: {1}",
          new String[] {what, text(e)});
    }
  }

  /** How many new values there were. */
  public long reloads() {
    return reloads.get();
  }

  /** How many changes could not be used. */
  public long failures() {
    return failures.get();
  }

  private static List<byte[]> read(List<Path> files) throws IOException {
    List<byte[]> contents = new ArrayList<>(files.size());
    for (Path file : files) {
      try (InputStream in = Files.newInputStream(file)) {
        byte[] content = in.readNBytes(MAX_FILE_BYTES + 1);
        if (content.length > MAX_FILE_BYTES) {
          throw new IOException(
              file + ": too large (expected: at most " + MAX_FILE_BYTES + " bytes)");
        }
        contents.add(content);
      } catch (java.nio.file.FileSystemException e) {
        String reason = e.getReason();
        throw new IOException(file + ": " + (reason == null ? "cannot be read" : reason), e);
      }
    }
    return contents;
  }

  private static byte[] digest(List<byte[]> contents) throws GeneralSecurityException {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    for (byte[] content : contents) {
      digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(content.length).flip());
      digest.update(content);
    }
    return digest.digest();
  }

  private static String text(Exception e) {
    String text = e instanceof ConfigException c ? c.problems().getFirst() : e.getMessage();
    return text == null ? e.getClass().getSimpleName() : text;
  }
}
