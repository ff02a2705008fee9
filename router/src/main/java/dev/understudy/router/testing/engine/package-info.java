/** Scenarios over raw HTTP/2 to which any engine that drives an inference service is held. */
@NullMarked
package dev.understudy.router.testing.engine;

import org.jspecify.annotations.NullMarked;
