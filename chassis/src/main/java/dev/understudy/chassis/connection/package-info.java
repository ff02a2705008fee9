/** Keeps a server alive against clients that break, or play with, the rules of HTTP/2. */
@NullMarked
package dev.understudy.chassis.connection;

import org.jspecify.annotations.NullMarked;
