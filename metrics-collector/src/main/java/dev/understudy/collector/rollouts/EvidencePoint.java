package dev.understudy.collector.rollouts;

/**
 * The evidence at one moment.
 *
 * @param meanDivergence between champion and challenger; NaN when not measured
 * @param meanNoise between the champion and its mirrored control; NaN or 0 without one
 * @param logAgainst natural logarithm of the combined evidence against
 * @param logAgainstStop where it stops the rollout
 */
public record EvidencePoint(
    long unixMs,
    double meanDivergence,
    double meanNoise,
    double logAgainst,
    double logAgainstStop,
    long pairs) {}
