/** Coded errors, translated to gRPC statuses once, at the edge. */
@NullMarked
package dev.understudy.chassis.error;

import org.jspecify.annotations.NullMarked;
