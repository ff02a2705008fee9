/** What the controller remembers, in one SQLite file that survives being killed at any point. */
@NullMarked
package dev.understudy.rollout.store;

import org.jspecify.annotations.NullMarked;
