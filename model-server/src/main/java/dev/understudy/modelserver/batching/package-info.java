/**
 * Waiting requests become batches: a bounded queue per model version, and the pure rule that says
 * when to go.
 */
@NullMarked
package dev.understudy.modelserver.batching;

import org.jspecify.annotations.NullMarked;
