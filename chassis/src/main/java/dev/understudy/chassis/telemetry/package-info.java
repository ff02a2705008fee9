/** Metrics and traces by OpenTelemetry, and latencies by HdrHistogram. */
@NullMarked
package dev.understudy.chassis.telemetry;

import org.jspecify.annotations.NullMarked;
