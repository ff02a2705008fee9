/** What is promised about verdicts, measured through the production fold. */
@NullMarked
package dev.understudy.evidence.proof;

import org.jspecify.annotations.NullMarked;
