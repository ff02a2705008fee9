package dev.understudy.router.patterns;

import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.router.hash.StableHash;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Watches how each caller asks, for the ways of somebody who copies a model by asking it: requests
 * that differ a little from the latest ones, answers close to the decision's cutoff, and sudden
 * volume. Who is suspicious is said (flags, counters, a list), and held to a rate if so configured;
 * answers are never changed.
 *
 * <p>The rates of near-duplicates and of answers near the boundary are judged against those of the
 * model's callers, because what is odd for one model is the nature of another: sensors repeat
 * themselves. Each is a {@link Cusum}; a caller is judged once 200 observations of the model have
 * been made, to which each caller adds at most one a second. Volume is judged against the caller's
 * own history ({@link Volume}).
 *
 * <p>Every call is counted; one in {@code every}, drawn unforeseeably, is looked at closely. What
 * is kept of a request is {@link Sketch}, from which no input can be read.
 *
 * <p>What this does not see: a caller who asks slowly under many names, who mixes each probe with
 * more than thirty unlike requests, or who alone makes up the traffic of a model from the start.
 *
 * <p>Any thread, without a lock: where two calls of one caller meet, one of them is left out.
 */
public final class Patterns {
  private static final int MOST_MODELS = 4096;
  private static final int MOST_ROWS = 64;
  private static final long SPEAK_NANOS = 1_000_000_000L;
  private static final float RATE_WEIGHT = 0.01f;

  private final PatternSettings settings;
  private final Tracks tracks;
  private final long seed;
  private final long holdNanos;
  private final ConcurrentHashMap<String, ModelRates> models = new ConcurrentHashMap<>();
  private final LongAdder[] suspicions = new LongAdder[Pattern.ALL.size()];
  private final LongAdder throttled = new LongAdder();

  /**
   * A detector that has seen nothing.
   *
   * @param seed secret and random, so that callers cannot make collisions
   */
  public Patterns(PatternSettings settings, long seed) {
    this.settings = settings;
    this.seed = seed;
    this.tracks = new Tracks(settings.principals(), seed, settings.volumeFactor());
    this.holdNanos = settings.hold().toNanos();
    for (int i = 0; i < suspicions.length; i++) {
      suspicions[i] = new LongAdder();
    }
  }

  /** What is known of the caller of one call; see {@link #asked}. */
  public static final class Verdict {
    private static final Verdict NOTHING = new Verdict(null, false, 0);

    private final @Nullable Track track;
    private final boolean looked;
    private final long waitNanos;

    private Verdict(@Nullable Track track, boolean looked, long waitNanos) {
      this.track = track;
      this.looked = looked;
      this.waitNanos = waitNanos;
    }

    /** Whether the call's answer is to be shown to {@link Patterns#answered}. */
    public boolean isLookedAt() {
      return looked;
    }

    /** How long the caller has to wait, or 0 when the call may go on. */
    public long waitNanos() {
      return waitNanos;
    }

    /** Whether there is a suspicion of this kind. */
    public boolean is(Pattern pattern, long nowNanos) {
      return track != null && track.is(pattern, nowNanos);
    }
  }

  /** A call that fits its model has come. */
  public Verdict asked(
      String principal, String model, InferRequestView request, long nowNanos, long unixMs) {
    Track track = tracks.of(principal, nowNanos);
    if (track == null || !track.claim()) {
      return Verdict.NOTHING;
    }
    try {
      track.lastSeenNanos = nowNanos;
      if (track.volume.count(unixMs)) {
        suspect(track, Pattern.VOLUME, nowNanos, unixMs);
      }
      int draw = track.draw();
      boolean looked = draw % settings.every() == 0;
      if (looked) {
        look(track, model, request, draw / settings.every(), nowNanos, unixMs);
      }
      if (!track.isSuspect(nowNanos)) {
        return looked ? new Verdict(track, true, 0) : Verdict.NOTHING;
      }
      long wait =
          settings.throttlePerSecond() > 0 ? track.take(settings.throttlePerSecond(), nowNanos) : 0;
      if (wait > 0) {
        throttled.increment();
      }
      return new Verdict(track, looked && wait == 0, wait);
    } finally {
      track.release();
    }
  }

  private void look(
      Track track, String model, InferRequestView request, int pick, long nowNanos, long unixMs) {
    ModelRates rates = rates(model);
    if (rates == null) {
      return;
    }
    if (!track.sketch.of(request, rates.seed(), pick)) {
      return;
    }
    Track.Likeness likeness = track.compare();
    if (likeness == Track.Likeness.REPEAT) {
      return;
    }
    boolean near = likeness == Track.Likeness.NEAR;
    track.nearRate += RATE_WEIGHT * ((near ? 1 : 0) - track.nearRate);
    if (track.speaksOfNear(nowNanos, SPEAK_NANOS)) {
      rates.near().add(near);
    }
    if (rates.near().isLearned()) {
      track.nearSum = Cusum.next(track.nearSum, near, rates.near().value());
      if (track.nearSum >= Cusum.ALARM) {
        suspect(track, Pattern.NEAR_DUPLICATES, nowNanos, unixMs);
      }
    }
  }

  /**
   * The answer to a call that is looked at has come.
   *
   * @param scores of the rows, as the model's decision reads them
   * @param cutoff where a score becomes a decision
   */
  public void answered(
      Verdict verdict,
      String model,
      List<Double> scores,
      double cutoff,
      long nowNanos,
      long unixMs) {
    Track track = verdict.track;
    ModelRates rates = rates(model);
    if (track == null || rates == null || !track.claim()) {
      return;
    }
    try {
      for (int row = 0; row < Math.min(scores.size(), MOST_ROWS); row++) {
        boolean close = Math.abs(scores.get(row) - cutoff) <= settings.band();
        track.boundaryRate += RATE_WEIGHT * ((close ? 1 : 0) - track.boundaryRate);
        if (track.speaksOfBoundary(nowNanos, SPEAK_NANOS)) {
          rates.boundary().add(close);
        }
        if (rates.boundary().isLearned()) {
          track.boundarySum = Cusum.next(track.boundarySum, close, rates.boundary().value());
          if (track.boundarySum >= Cusum.ALARM) {
            suspect(track, Pattern.BOUNDARY_PROBING, nowNanos, unixMs);
          }
        }
      }
    } finally {
      track.release();
    }
  }

  private void suspect(Track track, Pattern pattern, long nowNanos, long unixMs) {
    if (track.suspect(pattern, nowNanos, holdNanos, unixMs)) {
      suspicions[pattern.index].increment();
    }
  }

  private @Nullable ModelRates rates(String model) {
    ModelRates rates = models.get(model);
    if (rates != null || models.size() >= MOST_MODELS) {
      return rates;
    }
    return models.computeIfAbsent(model, name -> new ModelRates(StableHash.of(seed, name)));
  }

  /**
   * Forgets models that no table lists any more.
   *
   * @param listed the names that are listed; models that pass through share {@code *}
   */
  public void retain(Set<String> listed) {
    models.keySet().removeIf(name -> !listed.contains(name) && !name.equals("*"));
  }

  /** How many models something is known of. */
  int models() {
    return models.size();
  }

  /** Who is under suspicion, those longest under it first; at most so many. */
  public List<Suspect> suspects(long nowNanos, int most) {
    List<Suspect> suspects = new ArrayList<>();
    tracks.forEach(track -> {
      if (track.isSuspect(nowNanos)) {
        List<Pattern> patterns = new ArrayList<>();
        for (Pattern pattern : Pattern.ALL) {
          if (track.is(pattern, nowNanos)) {
            patterns.add(pattern);
          }
        }
        suspects.add(
            new Suspect(
                track.principal,
                List.copyOf(patterns),
                track.sinceUnixMs,
                track.nearRate,
                track.boundaryRate,
                track.volume.thisMinute(),
                track.volume.usual(),
                track.throttled));
      }
    });
    suspects.sort(Comparator.comparingLong(Suspect::sinceUnixMs).thenComparing(Suspect::principal));
    return List.copyOf(suspects.subList(0, Math.min(most, suspects.size())));
  }

  /** How often a caller became suspicious in this way. */
  public long suspicions(Pattern pattern) {
    return suspicions[pattern.index].sum();
  }

  /** Calls refused because their caller is suspicious. */
  public long throttled() {
    return throttled.sum();
  }

  /** Callers forgotten for others. */
  public long evicted() {
    return tracks.evicted();
  }

  /** Calls whose caller found no place. */
  public long untracked() {
    return tracks.untracked();
  }
}
