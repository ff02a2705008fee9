/**
 * Merges latency histograms without loss and counts the calls of each arm, over time and in all.
 */
@NullMarked
package dev.understudy.collector.latency;

import org.jspecify.annotations.NullMarked;
