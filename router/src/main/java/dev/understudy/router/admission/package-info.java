/** Step 3: rate, concurrency and bytes in flight; what is over a limit is refused at once. */
@NullMarked
package dev.understudy.router.admission;

import org.jspecify.annotations.NullMarked;
