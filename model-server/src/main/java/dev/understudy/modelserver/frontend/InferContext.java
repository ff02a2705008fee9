package dev.understudy.modelserver.frontend;

import dev.understudy.chassis.telemetry.Tracing;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.modelserver.repository.ModelRepository;
import org.jspecify.annotations.Nullable;

/**
 * What every inference call needs.
 *
 * @param timers fires queue timeouts
 * @param serverName as trailers name this server
 * @param node as trailers name the machine; empty: not at all
 * @param tracing null when nothing is traced
 */
public record InferContext(
    ModelRepository repository,
    TimeSource time,
    Scheduler timers,
    String serverName,
    String node,
    @Nullable Tracing tracing) {}
