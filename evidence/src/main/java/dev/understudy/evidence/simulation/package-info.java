/** Simulated rollouts through the production fold: what is promised, measured, and drawn. */
@NullMarked
package dev.understudy.evidence.simulation;

import org.jspecify.annotations.NullMarked;
