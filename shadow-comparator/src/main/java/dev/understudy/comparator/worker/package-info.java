/** A comparator that only measures pairs, and brings its tallies to the one that judges. */
@NullMarked
package dev.understudy.comparator.worker;

import org.jspecify.annotations.NullMarked;
