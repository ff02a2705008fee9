package dev.understudy.chassis.lifecycle;

import dev.understudy.chassis.config.ConfigException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.StreamHandler;
import org.jspecify.annotations.Nullable;

/**
 * Sets up {@code java.util.logging}: to standard error, one line per record with the time in UTC,
 * the level and the short name of the logger. Stack traces follow, indented. Line breaks inside
 * messages are written as {@code \n}, so that a caller's text cannot forge a record.
 */
public final class Logging {
  /** Held, because the log manager forgets the levels of loggers that nobody holds. */
  private static final List<Logger> QUIETED =
      List.of(
          Logger.getLogger("io.grpc"),
          Logger.getLogger("io.netty"),
          Logger.getLogger("io.opentelemetry"),
          Logger.getLogger("io.prometheus"),
          Logger.getLogger("sun.net"),
          Logger.getLogger("jdk"));

  /** Warns, with a stack trace, of every stream that is open when a client goes away. */
  private static final Logger TALKATIVE = Logger.getLogger("io.grpc.netty.NettyServerHandler");

  private Logging() {}

  /**
   * Replaces the handlers of the root logger.
   *
   * @param level error, warn, info, debug or trace
   * @throws ConfigException for another level
   */
  public static void configure(String level) {
    configure(parse(level));
  }

  /** Replaces the handlers of the root logger. */
  public static void configure(Level level) {
    Logger root = Logger.getLogger("");
    for (Handler handler : root.getHandlers()) {
      root.removeHandler(handler);
    }
    var handler = new FlushingHandler();
    handler.setLevel(level);
    root.addHandler(handler);
    root.setLevel(level);
    Level quiet = level.intValue() > Level.WARNING.intValue() ? level : Level.WARNING;
    QUIETED.forEach(logger -> logger.setLevel(quiet));
    TALKATIVE.setLevel(level.intValue() <= Level.FINE.intValue() ? level : Level.SEVERE);
  }

  static Level parse(String level) {
    return switch (level.toLowerCase(Locale.ROOT)) {
      case "error" -> Level.SEVERE;
      case "warn", "warning" -> Level.WARNING;
      case "info" -> Level.INFO;
      case "debug" -> Level.FINE;
      case "trace" -> Level.FINEST;
      default ->
          throw new ConfigException(
              "log level: '" + level + "' (expected: error, warn, info, debug or trace)");
    };
  }

  private static final class FlushingHandler extends StreamHandler {
    FlushingHandler() {
      super(System.err, new LineFormatter());
    }

    @Override
    public synchronized void publish(LogRecord record) {
      super.publish(record);
      flush();
    }

    @Override
    public synchronized void close() {
      flush();
    }
  }

  static final class LineFormatter extends Formatter {
    private static final DateTimeFormatter TIME =
        DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS'Z'", Locale.ROOT)
            .withZone(ZoneOffset.UTC);

    @Override
    public String format(LogRecord record) {
      Instant at = record.getInstant();
      var line = new StringBuilder(160);
      line.append(TIME.format(at))
          .append(' ')
          .append(levelName(record.getLevel()))
          .append(' ')
          .append(shortName(record.getLoggerName()))
          .append(' ')
          .append(oneLine(formatMessage(record)))
          .append('\n');
      Throwable thrown = record.getThrown();
      if (thrown != null) {
        var trace = new StringWriter();
        thrown.printStackTrace(new PrintWriter(trace));
        trace
            .toString()
            .lines()
            .forEach(
                part -> line.append("    ").append(oneLine(part.replace("\t", "  "))).append('\n'));
      }
      return line.toString();
    }

    private static String levelName(Level level) {
      int value = level.intValue();
      if (value >= Level.SEVERE.intValue()) {
        return "ERROR";
      }
      if (value >= Level.WARNING.intValue()) {
        return "WARN ";
      }
      return value >= Level.INFO.intValue() ? "INFO " : "DEBUG";
    }

    private static String shortName(@Nullable String name) {
      return name == null ? "-" : name.substring(name.lastIndexOf('.') + 1);
    }

    private static String oneLine(String text) {
      StringBuilder escaped = new StringBuilder(text.length());
      for (int i = 0; i < text.length(); i++) {
        char c = text.charAt(i);
        switch (c) {
          case '\n' -> escaped.append("\\n");
          case '\r' -> escaped.append("\\r");
          case '\t' -> escaped.append("\\t");
          default -> {
            if (Character.isISOControl(c)) {
              escaped.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
            } else {
              escaped.append(c);
            }
          }
        }
      }
      return escaped.toString();
    }
  }
}
