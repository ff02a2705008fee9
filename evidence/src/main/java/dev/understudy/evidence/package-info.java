/**
 * The mathematics of a verdict: divergence, sequential tests, and the fold that turns a log into a
 * report.
 */
@org.jspecify.annotations.NullMarked
package dev.understudy.evidence;
