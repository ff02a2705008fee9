package dev.understudy.modelserver.repository;

import dev.understudy.modelserver.execution.LoadedModel;
import dev.understudy.modelserver.execution.ModelLoadException;
import dev.understudy.modelserver.execution.ModelTensor;
import dev.understudy.proto.inference.DataType;
import dev.understudy.proto.inference.ModelConfig;
import dev.understudy.proto.inference.ModelDynamicBatching;
import dev.understudy.proto.inference.ModelInput;
import dev.understudy.proto.inference.ModelInstanceGroup;
import dev.understudy.proto.inference.ModelOutput;
import dev.understudy.proto.inference.ModelVersionPolicy;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Fills in from the model file what the configuration leaves open, and refuses where the two
 * contradict each other. Inputs and outputs come out in the model's order, all of them.
 *
 * <p>A configuration without {@code max_batch_size} gets {@value #DEFAULT_MAX_BATCH_SIZE} and
 * dynamic batching without delay when the first dimension of every input and output is open, else
 * 0. Where it lists dims, those decide: dims that leave out the first dimension ask for batching.
 */
final class ConfigCompletion {
  /** What an open first dimension is taken for; Triton's own default is 4. */
  static final int DEFAULT_MAX_BATCH_SIZE = 64;

  static final String DEFAULT_FILE = "model.onnx";

  private final LoadedModel model;
  private final ConfigText text;

  private ConfigCompletion(LoadedModel model, ConfigText text) {
    this.model = model;
    this.text = text;
  }

  static ModelConfig complete(String name, ConfigText text, LoadedModel model)
      throws ModelLoadException {
    return new ConfigCompletion(model, text).complete(name);
  }

  /** Whether the maximum batch size is this class's own choice. */
  static boolean choosesBatchSize(ConfigText text) {
    return !text.setsMaxBatchSize();
  }

  private ModelConfig complete(String name) throws ModelLoadException {
    ModelConfig given = text.config();
    ModelConfig.Builder config =
        given.toBuilder().setName(name).setPlatform("onnxruntime_onnx").setBackend("onnxruntime");
    if (given.getDefaultModelFilename().isEmpty()) {
      config.setDefaultModelFilename(DEFAULT_FILE);
    }
    if (!given.hasVersionPolicy()) {
      config.setVersionPolicy(
          ModelVersionPolicy.newBuilder()
              .setLatest(ModelVersionPolicy.Latest.newBuilder().setNumVersions(1)));
    }
    if (text.setsMaxBatchSize()) {
      if (given.getMaxBatchSize() > 0) {
        requireBatchDimension(given.getMaxBatchSize());
      }
    } else if (isBatchingImplied()) {
      config.setMaxBatchSize(DEFAULT_MAX_BATCH_SIZE);
      if (given.getSchedulingChoiceCase()
          == ModelConfig.SchedulingChoiceCase.SCHEDULINGCHOICE_NOT_SET) {
        config.setDynamicBatching(ModelDynamicBatching.getDefaultInstance());
      }
    }
    for (int size : config.getDynamicBatching().getPreferredBatchSizeList()) {
      if (size < 1 || size > config.getMaxBatchSize()) {
        throw new ModelLoadException(
            "config.pbtxt: preferred_batch_size "
                + size
                + " (expected: 1.."
                + config.getMaxBatchSize()
                + ", the max_batch_size)");
      }
    }
    tensors(config);
    instances(config);
    return config.build();
  }

  private boolean isBatchingImplied() {
    boolean open =
        !model.inputs().isEmpty()
            && Stream.concat(model.inputs().stream(), model.outputs().stream())
                .allMatch(ModelTensor::hasOpenFirstDimension);
    if (!open) {
      return false;
    }
    Map<String, Integer> ranks = new HashMap<>();
    model.inputs().forEach(input -> ranks.put(input.name(), input.dims().size()));
    return text.config().getInputList().stream()
        .filter(input -> input.getDimsCount() > 0)
        .noneMatch(input -> ranks.getOrDefault(input.getName(), -1) == input.getDimsCount());
  }

  private void requireBatchDimension(int maxBatchSize) throws ModelLoadException {
    for (ModelTensor tensor :
        Stream.concat(model.inputs().stream(), model.outputs().stream()).toList()) {
      boolean single =
          maxBatchSize == 1 && !tensor.dims().isEmpty() && tensor.dims().getFirst() == 1;
      if (!tensor.hasOpenFirstDimension() && !single) {
        throw new ModelLoadException(
            "config.pbtxt: max_batch_size is "
                + maxBatchSize
                + ", but the first dimension of '"
                + tensor
                + "' is not open: set max_batch_size: 0, or export with a dynamic batch dimension");
      }
    }
  }

  private void tensors(ModelConfig.Builder config) throws ModelLoadException {
    boolean batching = config.getMaxBatchSize() > 0;
    Map<String, ModelInput> givenInputs = new HashMap<>();
    config.getInputList().forEach(input -> givenInputs.put(input.getName(), input));
    requireKnown("input", givenInputs.keySet(), model.inputs());
    config.clearInput();
    for (ModelTensor tensor : model.inputs()) {
      ModelInput given = givenInputs.getOrDefault(tensor.name(), ModelInput.getDefaultInstance());
      config.addInput(
          given.toBuilder()
              .setName(tensor.name())
              .setDataType(type(tensor, given.getDataType()))
              .clearDims()
              .addAllDims(dims(tensor, given.getDimsList(), batching)));
    }
    Map<String, ModelOutput> givenOutputs = new HashMap<>();
    config.getOutputList().forEach(output -> givenOutputs.put(output.getName(), output));
    requireKnown("output", givenOutputs.keySet(), model.outputs());
    config.clearOutput();
    for (ModelTensor tensor : model.outputs()) {
      ModelOutput given =
          givenOutputs.getOrDefault(tensor.name(), ModelOutput.getDefaultInstance());
      config.addOutput(
          given.toBuilder()
              .setName(tensor.name())
              .setDataType(type(tensor, given.getDataType()))
              .clearDims()
              .addAllDims(dims(tensor, given.getDimsList(), batching)));
    }
  }

  private static void requireKnown(String kind, Set<String> given, List<ModelTensor> tensors)
      throws ModelLoadException {
    Set<String> unknown = new LinkedHashSet<>(given);
    tensors.forEach(tensor -> unknown.remove(tensor.name()));
    if (!unknown.isEmpty()) {
      throw new ModelLoadException(
          "config.pbtxt: "
              + kind
              + " "
              + unknown
              + " is not in the model (expected: "
              + tensors.stream().map(ModelTensor::name).toList()
              + ")");
    }
  }

  private static DataType type(ModelTensor tensor, DataType given) throws ModelLoadException {
    DataType actual = tensor.datatype().configType();
    if (given != DataType.TYPE_INVALID && given != actual) {
      throw new ModelLoadException(
          "config.pbtxt: '"
              + tensor.name()
              + "' has data_type "
              + given
              + ", but the model has "
              + actual);
    }
    return actual;
  }

  private static List<Long> dims(ModelTensor tensor, List<Long> given, boolean batching)
      throws ModelLoadException {
    List<Long> actual = batching ? tensor.dims().subList(1, tensor.dims().size()) : tensor.dims();
    if (given.isEmpty()) {
      return actual;
    }
    boolean fits = given.size() == actual.size();
    for (int i = 0; fits && i < actual.size(); i++) {
      fits = actual.get(i) == -1 ? given.get(i) >= -1 : given.get(i).equals(actual.get(i));
    }
    if (!fits) {
      throw new ModelLoadException(
          "config.pbtxt: '"
              + tensor.name()
              + "' has dims "
              + given
              + ", but the model has "
              + actual
              + (batching ? " behind the batch dimension" : " (max_batch_size is 0)"));
    }
    return given;
  }

  private static void instances(ModelConfig.Builder config) {
    if (config.getInstanceGroupCount() == 0) {
      config.addInstanceGroup(ModelInstanceGroup.getDefaultInstance());
    }
    for (int i = 0; i < config.getInstanceGroupCount(); i++) {
      ModelInstanceGroup.Builder group = config.getInstanceGroupBuilder(i);
      group.setKind(ModelInstanceGroup.Kind.KIND_CPU).setCount(Math.max(1, group.getCount()));
      if (group.getName().isEmpty()) {
        group.setName(config.getName() + "_" + i);
      }
    }
  }
}
