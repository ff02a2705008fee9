package dev.understudy.router.patterns;

import java.util.List;

/**
 * A caller under suspicion.
 *
 * @param patterns why
 * @param sinceUnixMs since when
 * @param nearDuplicates share of the rows looked at that were near-duplicates, of late
 * @param nearBoundary share of the answers looked at that were near the boundary, of late
 * @param callsThisMinute calls in the minute under way
 * @param usualPerMinute what is usual for the caller then; NaN when it is not known
 * @param throttled calls refused because of it
 */
public record Suspect(
    String principal,
    List<Pattern> patterns,
    long sinceUnixMs,
    double nearDuplicates,
    double nearBoundary,
    int callsThisMinute,
    double usualPerMinute,
    long throttled) {}
