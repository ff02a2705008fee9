/** gRPC servers, channels and lasting streams with defaults fit for production. */
@NullMarked
package dev.understudy.chassis.rpc;

import org.jspecify.annotations.NullMarked;
