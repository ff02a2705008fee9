package dev.understudy.modelserver.repository;

import dev.understudy.modelserver.execution.BatchOutputs;
import dev.understudy.modelserver.execution.ExecutionLane;
import dev.understudy.modelserver.execution.InferenceException;
import dev.understudy.modelserver.execution.LaneRequest;
import dev.understudy.modelserver.execution.LoadedModel;
import dev.understudy.modelserver.execution.ModelLoadException;
import dev.understudy.modelserver.execution.ModelTensor;
import dev.understudy.proto.inference.ModelConfig;
import dev.understudy.proto.inference.ModelWarmup;
import dev.understudy.proto.tensor.Datatype;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Runs a model on made-up inputs before anybody can see it, so that the first caller does not pay
 * for what the engine and the JVM do once.
 *
 * <p>What {@code model_warmup} asks for must succeed. Without it the model runs on zeros with open
 * dimensions taken as 1, and a failure there proves nothing, except this: when one row succeeds and
 * two rows fail, the model does not batch, whatever its declared dimensions promise.
 */
final class Warmup {
  private static final Logger log = Logger.getLogger(Warmup.class.getName());
  private static final long MAX_SAMPLE_BYTES = 1L << 30;
  private static final int MAX_RUNS = 1000;

  private final LoadedModel model;
  private final ModelConfig config;

  Warmup(LoadedModel model, ModelConfig config) {
    this.model = model;
    this.config = config;
  }

  /**
   * Warms one lane.
   *
   * @throws ModelLoadException when a configured sample fails
   * @throws NotBatchingException when the model turns out not to batch
   */
  void run(ExecutionLane lane) throws ModelLoadException, NotBatchingException {
    if (config.getModelWarmupCount() > 0) {
      for (ModelWarmup sample : config.getModelWarmupList()) {
        configured(lane, sample);
      }
      return;
    }
    try {
      // Twice: from the second run on outputs are pinned.
      infer(lane, zeros(1));
      infer(lane, zeros(1));
    } catch (InferenceException e) {
      log.log(
          Level.INFO,
          "Model ''{0}'' cannot be warmed with zeros ({1}); add model_warmup to its config.pbtxt",
          new Object[] {config.getName(), e.getMessage()});
      return;
    }
    if (config.getMaxBatchSize() > 1) {
      try {
        infer(lane, zeros(2));
      } catch (InferenceException e) {
        throw new NotBatchingException(e.getMessage());
      }
    }
  }

  private void configured(ExecutionLane lane, ModelWarmup sample) throws ModelLoadException {
    List<long[]> shapes = new ArrayList<>();
    List<ByteBuffer> data = new ArrayList<>();
    int rows = Math.max(1, sample.getBatchSize());
    if (rows > Math.max(1, config.getMaxBatchSize())) {
      throw new ModelLoadException(
          "warmup '" + sample.getName() + "': batch_size " + rows + " exceeds max_batch_size");
    }
    var random = new SplittableRandom(1);
    for (ModelTensor tensor : model.inputs()) {
      ModelWarmup.Input input = sample.getInputsMap().get(tensor.name());
      if (input == null || input.getDataType() != tensor.datatype().configType()) {
        throw new ModelLoadException(
            "warmup '"
                + sample.getName()
                + "': input '"
                + tensor.name()
                + "' of type "
                + tensor.datatype().configType()
                + " is missing");
      }
      long[] shape = shape(input.getDimsList(), rows);
      shapes.add(shape);
      data.add(
          input.getRandomData()
              ? random(tensor.datatype(), shape, random)
              : zero(tensor.datatype(), shape));
    }
    for (int i = 0; i < Math.clamp(sample.getCount(), 1, MAX_RUNS); i++) {
      try {
        infer(lane, new Sample(rows, shapes, data));
      } catch (InferenceException e) {
        throw new ModelLoadException(
            "warmup '" + sample.getName() + "' failed: " + e.getMessage(), e);
      }
    }
  }

  private Sample zeros(int rows) throws InferenceException {
    List<long[]> shapes = new ArrayList<>();
    List<ByteBuffer> data = new ArrayList<>();
    for (int i = 0; i < model.inputs().size(); i++) {
      long[] shape =
          shape(
              config.getInput(i).getDimsList().stream().map(dim -> dim == -1 ? 1 : dim).toList(),
              rows);
      shapes.add(shape);
      try {
        data.add(zero(model.inputs().get(i).datatype(), shape));
      } catch (ModelLoadException e) {
        throw InferenceException.badInput(String.valueOf(e.getMessage()));
      }
    }
    return new Sample(rows, shapes, data);
  }

  private long[] shape(List<Long> dims, int rows) {
    List<Long> shape = new ArrayList<>(dims);
    if (config.getMaxBatchSize() > 0) {
      shape.addFirst((long) rows);
    }
    return shape.stream().mapToLong(Long::longValue).toArray();
  }

  private static ByteBuffer zero(Datatype datatype, long[] shape) throws ModelLoadException {
    // An empty string is its length, four zero bytes.
    long size = datatype == Datatype.BYTES ? 4 : datatype.byteSize();
    for (long dim : shape) {
      if (dim < 0 || (dim > 0 && size > MAX_SAMPLE_BYTES / dim)) {
        throw new ModelLoadException("a warm-up input would exceed " + MAX_SAMPLE_BYTES + " bytes");
      }
      size *= dim;
    }
    return ByteBuffer.allocate((int) size).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static ByteBuffer random(Datatype datatype, long[] shape, SplittableRandom random)
      throws ModelLoadException {
    ByteBuffer data = zero(datatype, shape);
    while (data.hasRemaining()) {
      switch (datatype) {
        case FP32 -> data.putFloat((float) random.nextDouble());
        case FP64 -> data.putDouble(random.nextDouble());
        case FP16 -> data.putShort(Float.floatToFloat16((float) random.nextDouble()));
        case BF16 ->
            data.putShort((short) (Float.floatToIntBits((float) random.nextDouble()) >>> 16));
        case BYTES -> data.putInt(0);
        default -> data.put((byte) random.nextInt(2));
      }
    }
    return data.flip();
  }

  private static void infer(ExecutionLane lane, Sample sample) throws InferenceException {
    try (BatchOutputs outputs = lane.run(List.of(sample))) {
      log.log(Level.FINE, "A warm-up run took {0} ns", outputs.inferNanos());
    }
  }

  /** The model fails on two rows where it succeeds on one. */
  static final class NotBatchingException extends Exception {
    private static final long serialVersionUID = 1L;

    NotBatchingException(@org.jspecify.annotations.Nullable String message) {
      super(message);
    }
  }

  private record Sample(int rows, List<long[]> shapes, List<ByteBuffer> inputs)
      implements LaneRequest {
    @Override
    public long[] shape(int input) {
      return shapes.get(input);
    }

    @Override
    public ByteBuffer data(int input) {
      return inputs.get(input);
    }

    @Override
    public boolean wants(int output) {
      return true;
    }
  }
}
