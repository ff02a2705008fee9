/** Fakes of what the controller talks to, over real gRPC. */
@NullMarked
package dev.understudy.rollout.testing;

import org.jspecify.annotations.NullMarked;
