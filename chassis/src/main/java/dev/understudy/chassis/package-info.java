/**
 * What every service stands on: configuration, lifecycle, errors, clocks, telemetry, server and
 * channel defaults.
 */
@org.jspecify.annotations.NullMarked
package dev.understudy.chassis;
