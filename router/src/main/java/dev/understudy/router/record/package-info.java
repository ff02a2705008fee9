/**
 * Step 12: evidence, lineage, comparisons, payloads and histograms, offered and never waited for.
 */
@NullMarked
package dev.understudy.router.record;

import org.jspecify.annotations.NullMarked;
