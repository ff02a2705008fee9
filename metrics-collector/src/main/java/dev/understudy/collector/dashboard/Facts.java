package dev.understudy.collector.dashboard;

import dev.understudy.collector.intake.IntakeCounts;
import dev.understudy.collector.latency.Latencies;
import dev.understudy.collector.latency.Traffic;
import dev.understudy.collector.outcomes.Outbox;
import dev.understudy.collector.outcomes.Outcomes;
import dev.understudy.collector.predictions.PredictionStore;
import dev.understudy.collector.predictions.WriteThread;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Where the page reads what the collector itself knows.
 *
 * @param tlsMetrics in Prometheus' text format
 */
public record Facts(
    Traffic traffic,
    Latencies latencies,
    Outcomes outcomes,
    @Nullable Outbox outbox,
    PredictionStore store,
    WriteThread writer,
    IntakeCounts counts,
    Supplier<String> tlsMetrics) {}
