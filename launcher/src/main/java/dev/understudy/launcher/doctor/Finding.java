package dev.understudy.launcher.doctor;

/**
 * One thing that was looked at.
 *
 * @param level how it is
 * @param check what was looked at: {@code reachable}, {@code clock}, …
 * @param subject of whom
 * @param text what was seen
 * @param advice what to do; empty when it is well
 */
public record Finding(Level level, String check, String subject, String text, String advice) {
  /** How something is. */
  public enum Level {
    /** As it should be. */
    OK,
    /** It works, but not for long or not as meant. */
    WARN,
    /** Something does not work. */
    FAIL
  }

  static Finding ok(String check, String subject, String text) {
    return new Finding(Level.OK, check, subject, text, "");
  }

  static Finding warn(String check, String subject, String text, String advice) {
    return new Finding(Level.WARN, check, subject, text, advice);
  }

  static Finding fail(String check, String subject, String text, String advice) {
    return new Finding(Level.FAIL, check, subject, text, advice);
  }
}
