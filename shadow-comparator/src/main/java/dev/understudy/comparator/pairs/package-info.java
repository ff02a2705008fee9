/** Measures pairs of answers, and keeps those that differ most. */
@NullMarked
package dev.understudy.comparator.pairs;

import org.jspecify.annotations.NullMarked;
