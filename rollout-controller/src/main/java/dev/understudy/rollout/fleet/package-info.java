/** The model servers behind the routers: which versions they hold, and what these look like. */
@NullMarked
package dev.understudy.rollout.fleet;

import org.jspecify.annotations.NullMarked;
