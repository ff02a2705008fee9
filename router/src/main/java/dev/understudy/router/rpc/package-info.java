/** What both edges need of grpc-java: the hot method and its messages as bytes. */
@NullMarked
package dev.understudy.router.rpc;

import org.jspecify.annotations.NullMarked;
