package dev.understudy.modelserver.repository;

import dev.understudy.modelserver.execution.ModelLoadException;
import dev.understudy.proto.inference.ModelConfig;
import dev.understudy.proto.inference.ModelDynamicBatching;
import dev.understudy.proto.inference.ModelInput;
import dev.understudy.proto.inference.ModelInstanceGroup;
import dev.understudy.proto.inference.ModelOutput;
import dev.understudy.proto.inference.ModelQueuePolicy;
import dev.understudy.proto.inference.ModelWarmup;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Sorts out what a configuration asks for and this server does not do. What would change answers or
 * promises is refused; what only tunes is returned, to be logged.
 */
final class ConfigCheck {
  /** Parameters of Triton's ONNX Runtime backend that are honoured. */
  static final String INTRA_OP_THREADS = "intra_op_thread_count";

  static final String INTER_OP_THREADS = "inter_op_thread_count";
  private static final Set<String> PARAMETERS = Set.of(INTRA_OP_THREADS, INTER_OP_THREADS);
  private static final int MAX_INSTANCES = 256;

  private final List<String> refused = new ArrayList<>();
  private final Set<String> ignored = new TreeSet<>();

  private ConfigCheck() {}

  /**
   * Checks a configuration.
   *
   * @return the fields that will not be honoured, harmless as they are
   * @throws ModelLoadException with everything that is refused
   */
  static Set<String> check(String model, ConfigText text) throws ModelLoadException {
    var check = new ConfigCheck();
    check.ignored.addAll(text.ignored());
    check.model(model, text.config());
    if (!check.refused.isEmpty()) {
      throw new ModelLoadException("config.pbtxt: " + String.join("; ", check.refused));
    }
    return check.ignored;
  }

  private void model(String model, ModelConfig config) {
    refuse(
        !config.getName().isEmpty() && !config.getName().equals(model),
        "name is '" + config.getName() + "' (expected: the folder's name '" + model + "')");
    refuse(
        !Set.of("", "onnxruntime_onnx").contains(config.getPlatform()),
        "platform '" + config.getPlatform() + "' is not supported (expected: onnxruntime_onnx)");
    refuse(
        !Set.of("", "onnxruntime").contains(config.getBackend()),
        "backend '" + config.getBackend() + "' is not supported (expected: onnxruntime)");
    refuse(
        config.getMaxBatchSize() < 0,
        "max_batch_size is " + config.getMaxBatchSize() + " (expected: 0 or more)");
    refuse(config.hasSequenceBatching(), "sequence_batching is not supported");
    refuse(config.hasEnsembleScheduling(), "ensemble_scheduling is not supported");
    refuse(config.getModelTransactionPolicy().getDecoupled(), "decoupled models are not supported");
    refuse(config.getCcModelFilenamesCount() > 0, "cc_model_filenames is not supported");
    refuse(
        config.getDefaultModelFilename().contains("/"),
        "default_model_filename '" + config.getDefaultModelFilename() + "' leaves its folder");
    ignore(config.getMetricTagsCount() > 0, "metric_tags");
    ignore(config.getResponseCache().getEnable(), "response_cache");
    ignore(!config.getRuntime().isEmpty(), "runtime");
    config.getInputList().forEach(this::input);
    config.getOutputList().forEach(this::output);
    config.getInstanceGroupList().forEach(this::instances);
    refuse(
        config.getInstanceGroupList().stream().mapToLong(ModelInstanceGroup::getCount).sum()
            > MAX_INSTANCES,
        "instance_group asks for over " + MAX_INSTANCES + " instances");
    config.getModelWarmupList().forEach(this::warmup);
    if (config.hasDynamicBatching()) {
      batching(config.getDynamicBatching());
    }
    config
        .getParametersMap()
        .forEach((key, value) -> {
          if (PARAMETERS.contains(key)) {
            refuse(
                !value.getStringValue().matches("[0-9]{1,3}"),
                "parameter " + key + " is '" + value.getStringValue() + "' (expected: 0..999)");
          } else {
            ignored.add("parameters[" + key + "]");
          }
        });
  }

  private void input(ModelInput input) {
    String what = "input '" + input.getName() + "': ";
    refuse(input.hasReshape(), what + "reshape is not supported");
    refuse(input.getIsShapeTensor(), what + "is_shape_tensor is not supported");
    refuse(input.getAllowRaggedBatch(), what + "allow_ragged_batch is not supported");
    refuse(input.getOptional(), what + "optional is not supported");
    refuse(input.getIsNonLinearFormatIo(), what + "is_non_linear_format_io is not supported");
  }

  private void output(ModelOutput output) {
    String what = "output '" + output.getName() + "': ";
    refuse(output.hasReshape(), what + "reshape is not supported");
    refuse(output.getIsShapeTensor(), what + "is_shape_tensor is not supported");
    refuse(output.getIsNonLinearFormatIo(), what + "is_non_linear_format_io is not supported");
    ignore(!output.getLabelFilename().isEmpty(), "label_filename");
  }

  private void instances(ModelInstanceGroup group) {
    refuse(
        group.getKind() == ModelInstanceGroup.Kind.KIND_GPU || group.getGpusCount() > 0,
        "instance_group asks for a GPU; this server runs on CPU: use KIND_CPU");
    refuse(
        group.getKind() == ModelInstanceGroup.Kind.KIND_MODEL,
        "instance_group kind KIND_MODEL is not supported");
    refuse(group.getCount() < 0, "instance_group count is " + group.getCount());
    refuse(group.getPassive(), "passive instances are not supported");
    ignore(group.getProfileCount() > 0, "instance_group.profile");
    ignore(group.hasRateLimiter(), "instance_group.rate_limiter");
    ignore(!group.getHostPolicy().isEmpty(), "instance_group.host_policy");
  }

  private void warmup(ModelWarmup warmup) {
    warmup
        .getInputsMap()
        .forEach((name, input) ->
            refuse(
                !input.getInputDataFile().isEmpty(),
                "model_warmup input '" + name + "': input_data_file is not supported"));
  }

  private void batching(ModelDynamicBatching batching) {
    refuse(batching.getPriorityLevels() > 0, "dynamic_batching.priority_levels is not supported");
    refuse(
        batching.getPriorityQueuePolicyCount() > 0,
        "dynamic_batching.priority_queue_policy is not supported");
    refuse(
        batching.getDefaultQueuePolicy().getTimeoutAction() == ModelQueuePolicy.TimeoutAction.DELAY,
        "timeout_action DELAY is not supported (expected: REJECT)");
    ignore(batching.getPreserveOrdering(), "dynamic_batching.preserve_ordering");
  }

  private void refuse(boolean condition, String text) {
    if (condition) {
      refused.add(text);
    }
  }

  private void ignore(boolean condition, String field) {
    if (condition) {
      ignored.add(field);
    }
  }
}
