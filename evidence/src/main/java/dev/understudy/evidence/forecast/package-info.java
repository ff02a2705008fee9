/** How much traffic a decision will need, before any of it has been seen. */
@NullMarked
package dev.understudy.evidence.forecast;

import org.jspecify.annotations.NullMarked;
