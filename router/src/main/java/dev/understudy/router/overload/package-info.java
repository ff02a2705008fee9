/** Overload: how many calls a backend can take, and which calls can no longer be answered. */
@NullMarked
package dev.understudy.router.overload;

import org.jspecify.annotations.NullMarked;
