/** Comparisons, replays and taps against real servers. */
@org.jspecify.annotations.NullMarked
package dev.understudy.launcher.offline;
