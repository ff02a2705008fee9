package dev.understudy.collector.dashboard;

import dev.understudy.collector.intake.IntakeCount;
import dev.understudy.collector.latency.SeriesKey;
import dev.understudy.collector.latency.Traffic;
import dev.understudy.collector.outcomes.OutcomeCount;
import dev.understudy.proto.v1.Role;
import java.util.Locale;
import org.HdrHistogram.Histogram;

/**
 * The metrics in Prometheus' text format 0.0.4: base units, and labels whose values are bounded
 * (model, version, arm, stage, service; never a request, never a person).
 */
final class PrometheusText {
  /** Upper bounds in seconds: three to a decade from 100 µs to 10 s. */
  private static final double[] BOUNDS = {
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10
  };

  private static final double NANOS_PER_SECOND = 1e9;

  private final Facts facts;

  PrometheusText(Facts facts) {
    this.facts = facts;
  }

  String render() {
    StringBuilder text = new StringBuilder();
    durations(text);
    requests(text);
    for (IntakeCount what : IntakeCount.values()) {
      counter(
          text,
          "understudy_collector_" + what.name().toLowerCase(Locale.ROOT) + "_total",
          facts.counts().get(what));
    }
    for (OutcomeCount what : OutcomeCount.values()) {
      counter(
          text,
          "understudy_outcomes_" + what.name().toLowerCase(Locale.ROOT) + "_total",
          facts.outcomes().count(what));
    }
    gauge(text, "understudy_outcomes_waiting", facts.outcomes().waiting());
    var outbox = facts.outbox();
    gauge(text, "understudy_labels_unacknowledged", outbox == null ? 0 : outbox.waiting());
    gauge(text, "understudy_collector_stored_bytes", facts.store().storedBytes());
    gauge(text, "understudy_collector_queued_bytes", facts.writer().queuedBytes());
    gauge(text, "understudy_collector_lag_seconds", facts.counts().lagMillis() / 1000.0);
    counter(text, "understudy_collector_records_expired_total", facts.store().droppedRecords());
    counter(text, "understudy_collector_records_damaged_total", facts.store().damagedRecords());
    counter(text, "understudy_collector_write_failures_total", facts.writer().failures());
    return text.append(facts.tlsMetrics().get()).toString();
  }

  private void durations(StringBuilder text) {
    String name = "understudy_stage_duration_seconds";
    text.append("# HELP ")
        .append(name)
        .append(" How long a stage of a call took, by who measured it; stage call is the whole.\n")
        .append("# TYPE ")
        .append(name)
        .append(" histogram\n");
    for (SeriesKey key : facts.latencies().keys()) {
      Histogram total = facts.latencies().total(key);
      if (total == null) {
        continue;
      }
      String labels =
          label("service", key.service())
              + ','
              + label("stage", key.stage())
              + ','
              + labels(key.model(), key.role(), key.version());
      for (double bound : BOUNDS) {
        long nanos = Math.min((long) (bound * NANOS_PER_SECOND), total.getHighestTrackableValue());
        line(
            text,
            name + "_bucket",
            labels + ",le=\"" + bound + '"',
            total.getCountBetweenValues(0, nanos));
      }
      line(text, name + "_bucket", labels + ",le=\"+Inf\"", total.getTotalCount());
      line(text, name + "_sum", labels, total.getMean() * total.getTotalCount() / NANOS_PER_SECOND);
      line(text, name + "_count", labels, total.getTotalCount());
    }
  }

  private void requests(StringBuilder text) {
    Traffic traffic = facts.traffic();
    String[] names = {"assigned", "answered", "bad", "failed"};
    String[] helps = {
      "Calls that the split gave to the arm.",
      "Calls that the arm answered.",
      "Calls given to the arm whose first attempt failed.",
      "Calls answered by the arm with an error for the caller."
    };
    for (int i = 0; i < names.length; i++) {
      String name = "understudy_arm_requests_" + names[i] + "_total";
      text.append("# HELP ").append(name).append(' ').append(helps[i]).append('\n');
      text.append("# TYPE ").append(name).append(" counter\n");
      for (String model : traffic.models()) {
        for (Traffic.Arm arm : traffic.arms(model)) {
          Traffic.Sum sum = traffic.total(arm);
          long[] values = {sum.assigned(), sum.answered(), sum.bad(), sum.failed()};
          line(text, name, labels(arm.model(), arm.role(), arm.version()), values[i]);
        }
      }
    }
    String name = "understudy_requests_total";
    text.append("# HELP ").append(name).append(" Calls by the status that the caller received.\n");
    text.append("# TYPE ").append(name).append(" counter\n");
    for (String model : traffic.models()) {
      traffic
          .statuses(model)
          .forEach((code, count) ->
              line(
                  text,
                  name,
                  label("model", model)
                      + ','
                      + label("code", io.grpc.Status.fromCodeValue(code).getCode().name()),
                  count));
    }
  }

  private static String labels(String model, Role role, String version) {
    return label("model", model)
        + ','
        + label("arm", role.name().toLowerCase(Locale.ROOT))
        + ','
        + label("version", version);
  }

  private static String label(String name, String value) {
    return name
        + "=\""
        + value.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n")
        + '"';
  }

  private static void counter(StringBuilder text, String name, long value) {
    text.append("# TYPE ").append(name).append(" counter\n");
    text.append(name).append(' ').append(value).append('\n');
  }

  private static void gauge(StringBuilder text, String name, long value) {
    gauge(text, name, (double) value);
  }

  private static void gauge(StringBuilder text, String name, double value) {
    text.append("# TYPE ").append(name).append(" gauge\n");
    text.append(name).append(' ').append(value).append('\n');
  }

  private static void line(StringBuilder text, String name, String labels, long value) {
    line(text, name, labels, (double) value);
  }

  private static void line(StringBuilder text, String name, String labels, double value) {
    text.append(name).append('{').append(labels).append("} ").append(number(value)).append('\n');
  }

  private static String number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }
}
