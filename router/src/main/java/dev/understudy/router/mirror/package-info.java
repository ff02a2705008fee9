/** Step 11: bounded, droppable copies that never touch the caller's clock. */
@NullMarked
package dev.understudy.router.mirror;

import org.jspecify.annotations.NullMarked;
