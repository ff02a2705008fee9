/** Step 5: which arm answers; pure. */
@NullMarked
package dev.understudy.router.split;

import org.jspecify.annotations.NullMarked;
