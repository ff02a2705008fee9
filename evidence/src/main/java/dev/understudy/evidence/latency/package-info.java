/** The one bucketing of latencies that routers count in and the judge reads. */
@NullMarked
package dev.understudy.evidence.latency;

import org.jspecify.annotations.NullMarked;
