/** TLS, tokens and API keys, and the rule that nothing listens off loopback without them. */
@NullMarked
package dev.understudy.chassis.security;

import org.jspecify.annotations.NullMarked;
