/** Fakes for tests against the comparator: a router, and disks that fill up or lose power. */
@NullMarked
package dev.understudy.comparator.testing;

import org.jspecify.annotations.NullMarked;
