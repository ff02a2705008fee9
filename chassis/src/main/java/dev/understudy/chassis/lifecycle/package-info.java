/**
 * Starting a service, and ending it in order: drain first, then close, each step with a deadline.
 */
@NullMarked
package dev.understudy.chassis.lifecycle;

import org.jspecify.annotations.NullMarked;
