/** The pure decision: what a rollout does next, given its state, the evidence and the time. */
@NullMarked
package dev.understudy.rollout.policy;

import org.jspecify.annotations.NullMarked;
