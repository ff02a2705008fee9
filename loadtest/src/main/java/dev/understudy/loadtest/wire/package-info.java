/** A client of unary gRPC calls on HTTP/2 that costs little: one thread, one write per turn. */
@org.jspecify.annotations.NullMarked
package dev.understudy.loadtest.wire;
