/** Beside all steps: what a traced call tells a collector, by OpenTelemetry's names. */
@NullMarked
package dev.understudy.router.trace;

import org.jspecify.annotations.NullMarked;
