/** Drives rollouts: evidence and commands in, decisions and their effects out. */
@NullMarked
package dev.understudy.rollout.engine;

import org.jspecify.annotations.NullMarked;
