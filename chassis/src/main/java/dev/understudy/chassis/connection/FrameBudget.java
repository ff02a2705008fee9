package dev.understudy.chassis.connection;

import org.jspecify.annotations.Nullable;

/**
 * The rule by which floods are told from use: frames that ask for work without being any must stay
 * in proportion to calls and data. In each second a connection may send a fixed number of each
 * kind, and two more for each frame of headers or data. Resets are different, because honest
 * clients send very many when a server is slow and their deadlines pass together: beyond half of
 * the calls begun and the fixed number that holds for them, the connection is only slowed; it ends
 * far above. Of all else honest clients stay far below; whoever pays for control frames with real
 * calls is bounded by what bounds those. For one thread.
 */
final class FrameBudget {
  /** A WINDOW_UPDATE below this many bytes weighs {@link #SMALL_WEIGHT} times as much. */
  static final int SMALL_UPDATE_BYTES = 1 << 10;

  private static final int SMALL_WEIGHT = 100;

  /**
   * The least that a client may send in one frame before it must begin another, HTTP/2's default.
   */
  private static final int FRAME_BYTES = 16 << 10;

  private final int controlFrames;
  private final int resets;
  private final long mostResets;
  private final int mostContinuations;
  private final int callsPerSecond;
  private int work;
  private int calls;
  private int resetsSeen;
  private int pings;
  private int settings;
  private int priorities;
  private int empties;
  private int unknown;
  private long updates;
  private int continuations;

  FrameBudget(ConnectionLimits limits) {
    this.controlFrames = limits.controlFrames();
    this.resets = limits.resets();
    this.mostResets = 8L * limits.resets() + 2L * limits.calls();
    // Twice as many as the largest header block that is taken needs, and some for short ones.
    this.mostContinuations = 4 + 2 * (limits.headerBytes() / FRAME_BYTES);
    this.callsPerSecond = limits.callsPerSecond();
  }

  /** Begins the next second. */
  void nextSecond() {
    work = 0;
    calls = 0;
    resetsSeen = 0;
    pings = 0;
    settings = 0;
    priorities = 0;
    empties = 0;
    unknown = 0;
    updates = 0;
  }

  /** Whether more calls were begun in this second than a connection may. */
  boolean isOverCallRate() {
    return callsPerSecond > 0 && calls > callsPerSecond;
  }

  /** Whether more calls were reset in this second than a connection may. */
  boolean isOverResets() {
    return resetsSeen > resets + calls / 2;
  }

  /** Counts a frame; says what is wrong when it is one too many. */
  @Nullable ConnectionRefusal count(int type, int flags, int length) {
    return switch (type) {
      case FrameScanner.DATA -> {
        if (length > 0 || (flags & FrameScanner.END_STREAM) != 0) {
          work++;
          yield null;
        }
        yield over(++empties, ConnectionRefusal.EMPTY_DATA_FLOOD);
      }
      case FrameScanner.HEADERS -> {
        work++;
        calls++;
        continuations = 0;
        yield null;
      }
      case FrameScanner.CONTINUATION ->
          ++continuations > mostContinuations ? ConnectionRefusal.CONTINUATION_FLOOD : null;
      case FrameScanner.RST_STREAM -> {
        resetsSeen++;
        if (resetsSeen > mostResets && isOverResets()) {
          yield ConnectionRefusal.RAPID_RESET;
        }
        yield null;
      }
      case FrameScanner.PING -> over(++pings, ConnectionRefusal.PING_FLOOD);
      case FrameScanner.SETTINGS -> over(++settings, ConnectionRefusal.SETTINGS_FLOOD);
      case FrameScanner.PRIORITY -> over(++priorities, ConnectionRefusal.PRIORITY_FLOOD);
      case FrameScanner.WINDOW_UPDATE -> null;
      default -> over(++unknown, ConnectionRefusal.UNKNOWN_FRAME_FLOOD);
    };
  }

  /** Counts a WINDOW_UPDATE by what it is worth. */
  @Nullable ConnectionRefusal windowUpdate(int increment) {
    updates += increment < SMALL_UPDATE_BYTES ? SMALL_WEIGHT : 1;
    return updates > SMALL_WEIGHT * (controlFrames + 2L * work)
        ? ConnectionRefusal.WINDOW_UPDATE_FLOOD
        : null;
  }

  private @Nullable ConnectionRefusal over(int seen, ConnectionRefusal refusal) {
    return seen > controlFrames && seen > controlFrames + 2L * work ? refusal : null;
  }
}
