/** The routing table: built from what is decided, leased to routers, fenced by epoch. */
@NullMarked
package dev.understudy.rollout.routing;

import org.jspecify.annotations.NullMarked;
