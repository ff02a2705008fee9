/** Step 10: looks at the answer before the client does. */
@NullMarked
package dev.understudy.router.guard;

import org.jspecify.annotations.NullMarked;
