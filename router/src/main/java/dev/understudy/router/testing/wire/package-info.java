/** An HTTP/2 client of frames and bytes, for tests that must do what no client library would. */
@NullMarked
package dev.understudy.router.testing.wire;

import org.jspecify.annotations.NullMarked;
