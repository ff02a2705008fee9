package dev.understudy.proto.tensor;

import dev.understudy.proto.inference.ModelConfig;
import dev.understudy.proto.inference.ModelInput;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.inference.ModelOutput;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The inputs and outputs of a model. When {@link #maxBatchSize()} is above 0, every tensor on the
 * wire has one dimension more than its spec, in front: the batch. Immutable.
 */
public final class Signature {
  private final String modelName;
  private final int maxBatchSize;
  private final List<TensorSpec> inputs;
  private final List<TensorSpec> outputs;
  private final int requiredInputs;
  private final Map<String, Integer> inputIndex;
  private final Map<String, Integer> outputIndex;

  /**
   * Creates a signature.
   *
   * @param maxBatchSize the largest batch; 0 when the model has no batch dimension
   * @throws IllegalArgumentException when a name occurs twice or the batch size is negative
   */
  public Signature(
      String modelName, int maxBatchSize, List<TensorSpec> inputs, List<TensorSpec> outputs) {
    if (maxBatchSize < 0) {
      throw new IllegalArgumentException(
          "model '" + modelName + "' has max_batch_size " + maxBatchSize + ", expected 0 or more");
    }
    this.modelName = modelName;
    this.maxBatchSize = maxBatchSize;
    this.inputs = List.copyOf(inputs);
    this.outputs = List.copyOf(outputs);
    this.inputIndex = index(modelName, this.inputs);
    this.outputIndex = index(modelName, this.outputs);
    this.requiredInputs = (int) this.inputs.stream().filter(input -> !input.optional()).count();
  }

  private static Map<String, Integer> index(String model, List<TensorSpec> specs) {
    Map<String, Integer> index = new HashMap<>();
    for (TensorSpec spec : specs) {
      if (index.put(spec.name(), index.size()) != null) {
        throw new IllegalArgumentException(
            "model '" + model + "' names tensor '" + spec.name() + "' twice");
      }
    }
    return index;
  }

  /**
   * From a model configuration. Its dims are those clients see ({@code reshape} is internal to the
   * server).
   *
   * @throws IllegalArgumentException when a tensor has no data type, or as the constructor
   */
  public static Signature of(ModelConfig config) {
    List<TensorSpec> inputs = new ArrayList<>();
    for (ModelInput input : config.getInputList()) {
      inputs.add(
          new TensorSpec(
              input.getName(),
              known(Datatype.of(input.getDataType()), input.getName(), input.getDataTypeValue()),
              toArray(input.getDimsList()),
              input.getOptional()));
    }
    List<TensorSpec> outputs = new ArrayList<>();
    for (ModelOutput output : config.getOutputList()) {
      outputs.add(
          new TensorSpec(
              output.getName(),
              known(Datatype.of(output.getDataType()), output.getName(), output.getDataTypeValue()),
              toArray(output.getDimsList()),
              false));
    }
    return new Signature(config.getName(), config.getMaxBatchSize(), inputs, outputs);
  }

  /**
   * From a model's metadata, which shows the batch dimension first when the model batches, and does
   * not tell which inputs are optional: all are required.
   *
   * @param maxBatchSize from the model's configuration; 0 when it does not batch
   * @throws IllegalArgumentException when a datatype is unknown, a batching model's tensor has no
   *     dimension, or as the constructor
   */
  public static Signature of(ModelMetadataResponse metadata, int maxBatchSize) {
    return new Signature(
        metadata.getName(),
        maxBatchSize,
        specs(metadata.getInputsList(), maxBatchSize),
        specs(metadata.getOutputsList(), maxBatchSize));
  }

  private static List<TensorSpec> specs(
      List<ModelMetadataResponse.TensorMetadata> tensors, int maxBatchSize) {
    List<TensorSpec> specs = new ArrayList<>();
    for (ModelMetadataResponse.TensorMetadata tensor : tensors) {
      List<Long> shape = tensor.getShapeList();
      if (maxBatchSize > 0) {
        if (shape.isEmpty()) {
          throw new IllegalArgumentException(
              "tensor '" + tensor.getName() + "' has no dimension, but the model batches");
        }
        shape = shape.subList(1, shape.size());
      }
      specs.add(
          new TensorSpec(
              tensor.getName(),
              known(Datatype.of(tensor.getDatatype()), tensor.getName(), tensor.getDatatype()),
              toArray(shape),
              false));
    }
    return specs;
  }

  private static Datatype known(@Nullable Datatype type, String tensor, Object said) {
    if (type == null) {
      throw new IllegalArgumentException("tensor '" + tensor + "' has unknown data type " + said);
    }
    return type;
  }

  private static long[] toArray(List<Long> values) {
    return values.stream().mapToLong(Long::longValue).toArray();
  }

  /** The model's name, as texts show it. */
  public String modelName() {
    return modelName;
  }

  /** The largest batch, 1 or more; 0 when the model has no batch dimension. */
  public int maxBatchSize() {
    return maxBatchSize;
  }

  /** The inputs in the model's order. */
  public List<TensorSpec> inputs() {
    return inputs;
  }

  /** The outputs in the model's order. */
  public List<TensorSpec> outputs() {
    return outputs;
  }

  int requiredInputs() {
    return requiredInputs;
  }

  /** The spec for an input of a request, or -1; the position in the request is tried first. */
  int findInput(TensorView tensor, int position) {
    if (position < inputs.size() && tensor.nameIs(inputs.get(position).nameUtf8())) {
      return position;
    }
    return inputIndex.getOrDefault(tensor.name(), -1);
  }

  /** As {@link #findInput}, for a requested output. */
  int findOutput(RequestedOutput output, int position) {
    if (position < outputs.size() && output.nameIs(outputs.get(position).nameUtf8())) {
      return position;
    }
    return outputIndex.getOrDefault(output.name(), -1);
  }
}
