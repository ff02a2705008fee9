/** What the comparator counts about itself, and how Prometheus reads it. */
@NullMarked
package dev.understudy.comparator.telemetry;

import org.jspecify.annotations.NullMarked;
