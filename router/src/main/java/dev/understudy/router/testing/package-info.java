/** A scriptable backend of the inference protocol for tests. */
@NullMarked
package dev.understudy.router.testing;

import org.jspecify.annotations.NullMarked;
