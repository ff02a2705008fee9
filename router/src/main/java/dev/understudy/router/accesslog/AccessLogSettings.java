package dev.understudy.router.accesslog;

import dev.understudy.chassis.config.Section;
import dev.understudy.chassis.security.Tokens;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Which calls leave a line, and where.
 *
 * @param file null: standard output
 * @param sample share of the calls that succeed, 0 to 1
 * @param errors which of those that fail
 * @param principal how callers are named
 * @param salt of hashed callers; null when they are not hashed
 * @param rotateBytes a file of this size is put aside
 * @param keep files put aside, 1 or more
 * @param queue lines that wait to be written, 1 or more
 */
public record AccessLogSettings(
    @Nullable Path file,
    double sample,
    Errors errors,
    Naming principal,
    @Nullable String salt,
    long rotateBytes,
    int keep,
    int queue) {
  private static final long MIB = 1 << 20;

  /** Which failed and refused calls leave a line. */
  public enum Errors {
    /** Every one. */
    ALL,
    /** The same share as of the others. */
    SAMPLED
  }

  /** How callers are named. */
  public enum Naming {
    /** By their names. */
    CLEAR,
    /** By an HMAC of their names under a secret salt. */
    HASHED,
    /** Not at all. */
    NONE
  }

  /** Reads {@code accessLog:}; null when there is none. */
  public static @Nullable AccessLogSettings read(Section section) {
    Path file = section.optionalPath("file");
    boolean stdout = section.flag("stdout", false);
    double sample = section.ratio("sample", 0.01);
    Errors errors = section.choice("errors", Errors.class, Errors.ALL);
    Naming principal = section.choice("principal", Naming.class, Naming.CLEAR);
    Path salt = section.optionalPath("saltFile");
    long rotate = section.bytes("rotateBytes", 64 * MIB);
    int keep = section.integer("keep", 5, 1, 1000);
    int queue = section.integer("queue", 8192, 16, 1 << 20);
    if (file == null && !stdout) {
      if (!section.keys().isEmpty()) {
        section.problem("file", "missing (expected: file, or stdout: true)");
      }
      return null;
    }
    if (file != null && stdout) {
      section.problem("stdout", "true beside a file (expected: one of file and stdout)");
    }
    if (rotate < 4096) {
      section.problem("rotateBytes", rotate + " (expected: at least 4KiB)");
    }
    if ((principal == Naming.HASHED) != (salt != null)) {
      section.problem(
          "saltFile", (salt == null ? "missing" : "given") + " (expected with principal: hashed)");
    }
    return new AccessLogSettings(
        file,
        sample,
        errors,
        principal,
        salt == null ? null : Tokens.read(salt),
        rotate,
        keep,
        queue);
  }

  @Override
  public String toString() {
    // Without the salt.
    return "AccessLogSettings[file=" + file + ", sample=" + sample + ", errors=" + errors + "]";
  }
}
