/** The page on which people see what happens, its state as JSON, and the metrics for Prometheus. */
@NullMarked
package dev.understudy.collector.dashboard;

import org.jspecify.annotations.NullMarked;
