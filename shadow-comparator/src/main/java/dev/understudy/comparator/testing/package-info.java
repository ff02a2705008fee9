/** Fakes for tests against the comparator: a router, and a disk that fills up. */
@NullMarked
package dev.understudy.comparator.testing;

import org.jspecify.annotations.NullMarked;
