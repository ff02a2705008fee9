/**
 * Stores what is remembered of each call: segment files, their index, and the one thread that
 * writes.
 */
@NullMarked
package dev.understudy.collector.predictions;

import org.jspecify.annotations.NullMarked;
