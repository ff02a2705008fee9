/** What of a call may leave the router, and under which labels, by the data contract. */
@NullMarked
package dev.understudy.router.slices;

import org.jspecify.annotations.NullMarked;
