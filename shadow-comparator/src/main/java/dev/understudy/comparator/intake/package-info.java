/** Takes blocks, comparisons and outcomes from outside, and joins and measures them. */
@NullMarked
package dev.understudy.comparator.intake;

import org.jspecify.annotations.NullMarked;
