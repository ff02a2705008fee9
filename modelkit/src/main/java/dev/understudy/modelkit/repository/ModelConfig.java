package dev.understudy.modelkit.repository;

import java.util.List;
import java.util.stream.Collectors;

/**
 * A {@code config.pbtxt} as Triton reads it. All versions in the repository are served.
 *
 * @param maxBatchSize rows of the largest batch; 0 for a model without a batch dimension
 * @param maxQueueDelayMicros how long a request may wait for company; below 0 for no batching
 */
public record ModelConfig(
    String name,
    int maxBatchSize,
    int maxQueueDelayMicros,
    List<TensorSpec> inputs,
    List<TensorSpec> outputs) {

  /** The file's text. */
  public String text() {
    var text = new StringBuilder();
    text.append("name: \"").append(name).append("\"\n");
    text.append("backend: \"onnxruntime\"\n");
    text.append("max_batch_size: ").append(maxBatchSize).append('\n');
    tensors(text, "input", inputs);
    tensors(text, "output", outputs);
    if (maxQueueDelayMicros >= 0) {
      text.append("dynamic_batching { max_queue_delay_microseconds: ")
          .append(maxQueueDelayMicros)
          .append(" }\n");
    }
    text.append("version_policy: { all { } }\n");
    return text.toString();
  }

  private static void tensors(StringBuilder text, String field, List<TensorSpec> tensors) {
    text.append(field)
        .append(" [\n")
        .append(tensors.stream().map(TensorSpec::text).collect(Collectors.joining(",\n")))
        .append("\n]\n");
  }
}
