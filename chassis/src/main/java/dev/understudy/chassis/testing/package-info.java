/** Fakes for the interfaces of the chassis, for the tests of every service. */
@NullMarked
package dev.understudy.chassis.testing;

import org.jspecify.annotations.NullMarked;
