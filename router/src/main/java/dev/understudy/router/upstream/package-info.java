/** Step 6: sends one attempt to a backend and says how it ended. */
@NullMarked
package dev.understudy.router.upstream;

import org.jspecify.annotations.NullMarked;
