/** Before the first caller: calls that the router makes to itself. */
@NullMarked
package dev.understudy.router.warmup;

import org.jspecify.annotations.NullMarked;
