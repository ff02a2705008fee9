/** What a plain threshold rule would have decided on the same traffic. */
@NullMarked
package dev.understudy.evidence.rule;

import org.jspecify.annotations.NullMarked;
