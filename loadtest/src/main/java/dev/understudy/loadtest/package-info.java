/** Drives load in an open loop and measures from the scheduled send. */
@org.jspecify.annotations.NullMarked
package dev.understudy.loadtest;
