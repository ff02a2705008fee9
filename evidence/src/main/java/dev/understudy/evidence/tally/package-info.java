/** Compared answers and known outcomes, measured and counted before they enter the log. */
@NullMarked
package dev.understudy.evidence.tally;

import org.jspecify.annotations.NullMarked;
