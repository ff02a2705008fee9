/** Beside steps 5 and 10: does a caller ask like somebody who copies the model? Never an answer. */
@NullMarked
package dev.understudy.router.patterns;

import org.jspecify.annotations.NullMarked;
