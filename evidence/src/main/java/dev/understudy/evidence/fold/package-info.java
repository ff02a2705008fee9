/** One fold: the evidence log goes in, in sequence, and the report comes out. */
@NullMarked
package dev.understudy.evidence.fold;

import org.jspecify.annotations.NullMarked;
