/** Clocks, schedules and time-ordered identifiers that tests can move by hand. */
@NullMarked
package dev.understudy.chassis.time;

import org.jspecify.annotations.NullMarked;
