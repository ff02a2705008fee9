/** Metrics by OpenTelemetry for Prometheus, and latencies by HdrHistogram. */
@NullMarked
package dev.understudy.chassis.telemetry;

import org.jspecify.annotations.NullMarked;
