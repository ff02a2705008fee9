package dev.understudy.modelserver.statistics;

import dev.understudy.modelserver.statistics.VersionStatistics.FailureReason;
import dev.understudy.proto.inference.InferStatistics;
import dev.understudy.proto.inference.ModelStatistics;
import dev.understudy.proto.inference.StatisticDuration;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/**
 * The counters in Prometheus' text format under Triton's names, so that dashboards made for Triton
 * work. Stateless.
 */
public final class MetricsPage {
  private final List<Line> lines;
  private final StringBuilder page = new StringBuilder();

  private MetricsPage(List<Line> lines) {
    this.lines = lines;
  }

  /**
   * One model version.
   *
   * @param statistics as the protocol states them
   * @param failures how many requests failed for a reason
   * @param pending how many requests wait
   */
  public record Line(
      ModelStatistics statistics, ToLongFunction<FailureReason> failures, int pending) {}

  /** Renders the page. */
  public static String render(List<Line> lines) {
    return new MetricsPage(List.copyOf(lines)).render();
  }

  /**
   * What became of the spans of traced calls.
   *
   * @param sent that the collector took
   * @param failed that it did not take
   * @param dropped that found no room
   */
  public static String spans(long sent, long failed, long dropped) {
    StringBuilder page = new StringBuilder();
    line(page, "understudy_model_server_spans_sent_total", "Spans that the collector took", sent);
    line(page, "understudy_model_server_spans_failed_total", "Spans that it did not take", failed);
    line(page, "understudy_model_server_spans_dropped_total", "Spans without room", dropped);
    return page.toString();
  }

  private static void line(StringBuilder page, String name, String help, long value) {
    page.append("# HELP ").append(name).append(' ').append(help).append('\n');
    page.append("# TYPE ").append(name).append(" counter\n");
    page.append(name).append(' ').append(value).append('\n');
  }

  private String render() {
    counter(
        "nv_inference_request_success",
        "Number of successful inference requests, all batch sizes",
        line -> line.statistics().getInferenceStats().getSuccess().getCount());
    header(
        "nv_inference_request_failure",
        "counter",
        "Number of failed inference requests, all batch sizes");
    for (Line line : lines) {
      for (FailureReason reason : FailureReason.values()) {
        sample(
            "nv_inference_request_failure",
            line,
            ",reason=\"" + reason + "\"",
            line.failures().applyAsLong(reason));
      }
    }
    counter(
        "nv_inference_count",
        "Number of inferences performed (does not include cached requests)",
        line -> line.statistics().getInferenceCount());
    counter(
        "nv_inference_exec_count",
        "Number of model executions performed (does not include cached requests)",
        line -> line.statistics().getExecutionCount());
    duration("request", "Cumulative inference request duration", InferStatistics::getSuccess);
    duration("queue", "Cumulative inference queuing duration", InferStatistics::getQueue);
    duration(
        "compute_input", "Cumulative compute input duration", InferStatistics::getComputeInput);
    duration(
        "compute_infer", "Cumulative compute inference duration", InferStatistics::getComputeInfer);
    duration(
        "compute_output",
        "Cumulative inference compute output duration",
        InferStatistics::getComputeOutput);
    header(
        "nv_inference_pending_request_count",
        "gauge",
        "Instantaneous number of pending requests awaiting execution per-model.");
    lines.forEach(line -> sample("nv_inference_pending_request_count", line, "", line.pending()));
    return page.toString();
  }

  private void duration(
      String what, String help, Function<InferStatistics, StatisticDuration> duration) {
    counter(
        "nv_inference_" + what + "_duration_us",
        help + " in microseconds",
        line -> duration.apply(line.statistics().getInferenceStats()).getNs() / 1000);
  }

  private void counter(String name, String help, ToLongFunction<Line> value) {
    header(name, "counter", help);
    lines.forEach(line -> sample(name, line, "", value.applyAsLong(line)));
  }

  private void header(String name, String type, String help) {
    page.append("# HELP ").append(name).append(' ').append(help).append('\n');
    page.append("# TYPE ").append(name).append(' ').append(type).append('\n');
  }

  private void sample(String name, Line line, String moreLabels, long value) {
    page.append(name)
        .append("{model=\"")
        .append(escape(line.statistics().getName()))
        .append("\",version=\"")
        .append(line.statistics().getVersion())
        .append('"')
        .append(moreLabels)
        .append("} ")
        .append(value)
        .append('\n');
  }

  private static String escape(String label) {
    return label.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
  }
}
