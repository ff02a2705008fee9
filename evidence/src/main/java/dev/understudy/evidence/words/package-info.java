/** The sentences that people read: no statistics, no jargon. */
@NullMarked
package dev.understudy.evidence.words;

import org.jspecify.annotations.NullMarked;
