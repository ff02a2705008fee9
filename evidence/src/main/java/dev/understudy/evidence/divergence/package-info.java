/** How far two answers to the same question lie apart, as a number from 0 to 1. */
@NullMarked
package dev.understudy.evidence.divergence;

import org.jspecify.annotations.NullMarked;
