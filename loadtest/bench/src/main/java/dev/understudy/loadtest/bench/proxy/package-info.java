/** What the router is held against: the same way through grpc-java without a layer. */
@NullMarked
package dev.understudy.loadtest.bench.proxy;

import org.jspecify.annotations.NullMarked;
