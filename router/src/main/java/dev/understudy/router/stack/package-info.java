/** The page on which the layers are put in order. */
@NullMarked
package dev.understudy.router.stack;

import org.jspecify.annotations.NullMarked;
