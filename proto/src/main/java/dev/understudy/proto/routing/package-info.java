/** What is written about a model's rules, experiment and hold-out, and whether it can be used. */
@NullMarked
package dev.understudy.proto.routing;

import org.jspecify.annotations.NullMarked;
