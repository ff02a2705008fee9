/** Step 1: the inference protocol's server side on grpc-java; everything that knows a client. */
@NullMarked
package dev.understudy.router.frontend;

import org.jspecify.annotations.NullMarked;
