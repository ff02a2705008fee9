package dev.understudy.router.upstream;

import dev.understudy.chassis.config.Section;
import java.time.Duration;

/**
 * How backends are found, chosen, watched and spared.
 *
 * @param dnsRefresh time between two look-ups of a name
 * @param mostAddresses addresses of one name that are used, 1 or more
 * @param decay how long the balancer remembers a slow answer, 1 ms or more
 * @param health active checks
 * @param outliers passive ones
 * @param retries what may be sent again
 * @param reserve what an attempt leaves of the caller's time, so that the router can still answer
 * @param headroomFactor a champion takes rescues up to so many times its usual calls in flight
 * @param headroomCalls up to so many calls in flight it takes them anyway
 */
public record UpstreamSettings(
    Duration dnsRefresh,
    int mostAddresses,
    Duration decay,
    Health health,
    Outliers outliers,
    Retries retries,
    Duration reserve,
    double headroomFactor,
    int headroomCalls) {

  /** What a backend is asked to know whether it is well. */
  public enum Check {
    /** Nothing. */
    NONE,
    /** gRPC's {@code Health/Check} of the whole server. */
    GRPC,
    /** {@code ServerReady}. */
    SERVER,
    /** {@code ModelReady} of the arm's model and version. */
    MODEL
  }

  /**
   * Active checks.
   *
   * @param interval between two checks of one backend, varied by a fifth
   * @param timeout of one check
   * @param unhealthy failures in a row after which the backend is avoided
   * @param healthy successes in a row after which it no longer is
   * @param panic share of healthy backends below which health and ejections are ignored
   */
  public record Health(
      Check check, Duration interval, Duration timeout, int unhealthy, int healthy, double panic) {}

  /**
   * When a backend is ejected by how its calls end.
   *
   * @param failures transport failures in a row; 0: never
   * @param ejection time of the first ejection; the n-th takes n times as long
   * @param longest time of any ejection
   * @param share most of an arm's backends that are ejected at a time, in [0, 1]; one may always be
   *     when there are others
   * @param interval between two comparisons of backends with each other
   * @param calls in an interval that a backend needs to be compared
   * @param peers backends with so many calls that there must be
   * @param deviations how far below the mean of success rates, in standard deviations
   * @param slowness how many times the median of latencies
   */
  public record Outliers(
      int failures,
      Duration ejection,
      Duration longest,
      double share,
      Duration interval,
      int calls,
      int peers,
      double deviations,
      double slowness) {}

  /**
   * What may be sent a second time.
   *
   * @param shareBp of the calls, in 1/10000
   * @param burst what can be saved of it
   * @param perSecond allowed besides
   */
  public record Retries(int shareBp, int burst, int perSecond) {}

  /** What holds where nothing is written. */
  public static final UpstreamSettings DEFAULT =
      new UpstreamSettings(
          Duration.ofSeconds(5),
          64,
          Duration.ofSeconds(10),
          new Health(Check.NONE, Duration.ofSeconds(5), Duration.ofSeconds(1), 3, 2, 0.3),
          new Outliers(
              5,
              Duration.ofSeconds(5),
              Duration.ofMinutes(5),
              0.5,
              Duration.ofSeconds(10),
              20,
              5,
              1.9,
              5),
          new Retries(2000, 100, 10),
          Duration.ofMillis(5),
          4,
          64);

  /** Reads the keys of {@code upstream:} that are about this. */
  public static UpstreamSettings read(Section section) {
    Section dns = section.section("dns");
    Section retries = section.section("retries");
    Section headroom = section.section("headroom");
    UpstreamSettings standard = DEFAULT;
    return new UpstreamSettings(
        positive(dns, "refresh", dns.duration("refresh", standard.dnsRefresh)),
        dns.integer("addresses", standard.mostAddresses, 1, 1_000),
        positive(section, "decay", section.duration("decay", standard.decay)),
        health(section.section("health"), standard.health),
        outliers(section.section("outliers"), standard.outliers),
        new Retries(
            (int) Math.round(retries.ratio("share", standard.retries.shareBp / 1e4) * 10_000),
            retries.integer("burst", standard.retries.burst, 0, 1_000_000),
            retries.integer("perSecond", standard.retries.perSecond, 0, 1_000_000)),
        section.duration("reserve", standard.reserve),
        headroom.real("factor", standard.headroomFactor, 1, 1_000),
        headroom.integer("calls", standard.headroomCalls, 0, 1_000_000));
  }

  private static Health health(Section section, Health standard) {
    return new Health(
        section.choice("check", Check.class, standard.check),
        positive(section, "interval", section.duration("interval", standard.interval)),
        positive(section, "timeout", section.duration("timeout", standard.timeout)),
        section.integer("unhealthy", standard.unhealthy, 1, 1_000),
        section.integer("healthy", standard.healthy, 1, 1_000),
        section.ratio("panic", standard.panic));
  }

  private static Outliers outliers(Section section, Outliers standard) {
    return new Outliers(
        section.integer("failures", standard.failures, 0, 1_000_000),
        positive(section, "ejection", section.duration("ejection", standard.ejection)),
        positive(section, "longest", section.duration("longest", standard.longest)),
        section.ratio("share", standard.share),
        positive(section, "interval", section.duration("interval", standard.interval)),
        section.integer("calls", standard.calls, 1, 1_000_000),
        section.integer("peers", standard.peers, 3, 1_000),
        section.real("deviations", standard.deviations, 0.1, 100),
        section.real("slowness", standard.slowness, 1.1, 1_000));
  }

  private static Duration positive(Section section, String key, Duration value) {
    if (value.toMillis() < 1) {
      section.problem(key, value + " (expected: at least 1ms)");
      return Duration.ofMillis(1);
    }
    return value;
  }
}
