package dev.understudy.chassis.connection;

import dev.understudy.chassis.config.Section;
import java.time.Duration;

/**
 * What one client, and all together, may do to a listener below the level of calls. A duration of
 * zero means never; a rate of zero means no limit.
 *
 * @param total connections at a time
 * @param perAddress connections at a time of one IPv4 address or one IPv6 /64
 * @param calls at a time on one connection
 * @param callsPerSecond that one connection may begin; above it, it is not read until the second is
 *     over
 * @param headerBytes of one call's metadata
 * @param controlFrames a second of each kind (PING, SETTINGS, PRIORITY, small WINDOW_UPDATE, empty
 *     DATA, unknown) that need no call or data to justify them
 * @param resets a second that one connection may send beyond half of the calls that it begins;
 *     above it, it is not read until the second is over; above eight times that and twice {@code
 *     calls} it ends
 * @param unfinishedBytes of messages on one connection whose end has not come; the stream that goes
 *     above it is ended, and the connection at twice that
 * @param unfinishedBytesInAll the same over all connections
 * @param handshakeTimeout for TLS, preface and SETTINGS together
 * @param requestTimeout in which an incomplete request must get on by {@link #PROGRESS_BYTES}
 * @param answerTimeout in which the client must take that much of an answer that waits for it
 * @param streamIdle after which a stream of requests without a request is ended
 * @param idle after which a connection without calls is asked to end
 * @param age after which a connection is asked to end, give or take a tenth
 * @param ageGrace what calls under way then have left
 * @param keepAlive silence after which the peer is asked whether it is there
 * @param keepAliveTimeout for its answer
 */
public record ConnectionLimits(
    int total,
    int perAddress,
    int calls,
    int callsPerSecond,
    int headerBytes,
    int controlFrames,
    int resets,
    long unfinishedBytes,
    long unfinishedBytesInAll,
    Duration handshakeTimeout,
    Duration requestTimeout,
    Duration answerTimeout,
    Duration streamIdle,
    Duration idle,
    Duration age,
    Duration ageGrace,
    Duration keepAlive,
    Duration keepAliveTimeout) {

  /** What counts as getting on: {@value} bytes in a timeout. */
  public static final int PROGRESS_BYTES = 16 << 10;

  private static final long MIB = 1 << 20;

  /** Reads the section {@code connections}; what it leaves out has its default. */
  public static ConnectionLimits read(Section section) {
    int calls = section.integer("calls", 1_024, 1, 1_000_000);
    return new ConnectionLimits(
        section.integer("total", 16_384, 1, 1_000_000),
        section.integer("perAddress", 8_192, 1, 1_000_000),
        calls,
        section.integer("callsPerSecond", 0, 0, 100_000_000),
        Math.clamp(section.bytes("headerBytes", 32 << 10), 1 << 10, 16 << 20),
        section.integer("controlFrames", 1_000, 10, 1_000_000),
        section.integer("resets", Math.max(1_000, 2 * calls), 10, 2_000_000),
        section.bytes("unfinishedBytes", 256 * MIB),
        section.bytes("unfinishedBytesInAll", 512 * MIB),
        section.duration("handshakeTimeout", Duration.ofSeconds(10)),
        section.duration("requestTimeout", Duration.ofSeconds(30)),
        section.duration("answerTimeout", Duration.ofSeconds(30)),
        section.duration("streamIdle", Duration.ofMinutes(10)),
        section.duration("idle", Duration.ofMinutes(15)),
        section.duration("age", Duration.ZERO),
        section.duration("ageGrace", Duration.ofSeconds(30)),
        section.duration("keepAlive", Duration.ofSeconds(30)),
        section.duration("keepAliveTimeout", Duration.ofSeconds(10)));
  }

  /** How often connections are looked at: a quarter of the shortest timeout, 20 ms to 1 s. */
  long tickNanos() {
    long shortest = 4_000_000_000L;
    for (Duration timeout :
        new Duration[] {handshakeTimeout, requestTimeout, answerTimeout, streamIdle}) {
      if (!timeout.isZero()) {
        shortest = Math.min(shortest, timeout.toNanos());
      }
    }
    return Math.max(20_000_000L, shortest / 4);
  }
}
