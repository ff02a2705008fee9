package dev.understudy.modelserver.execution;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.understudy.proto.tensor.Datatype;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * One lane on ONNX Runtime's Java interface.
 *
 * <p>Inputs are copied once, from the messages into a direct buffer per input that is used again
 * for every batch. Outputs are <i>pinned</i> where that is possible: the engine writes them into a
 * direct buffer of ours, which spares the objects it would make otherwise and a copy to the heap.
 * That needs the shape beforehand. It is predicted from the declaration, and relied on only after
 * the model has once produced the predicted shape by itself; a model that later deviates makes the
 * engine refuse, whereupon the batch runs again without pins and that output is never pinned again.
 */
final class OrtLane implements ExecutionLane {
  private final OrtEnvironment environment;
  private final OrtSession session;
  private final List<ModelTensor> inputs;
  private final List<ModelTensor> outputs;
  private final boolean batching;
  private final List<ReusedBuffer> inputBuffers = new ArrayList<>();
  private final List<ReusedBuffer> outputBuffers = new ArrayList<>();
  private final Pinning[] pinning;

  private enum Pinning {
    IMPOSSIBLE,
    UNPROVED,
    PROVED
  }

  OrtLane(
      OrtEnvironment environment,
      OrtSession session,
      List<ModelTensor> inputs,
      List<ModelTensor> outputs,
      boolean batching) {
    this.environment = environment;
    this.session = session;
    this.inputs = inputs;
    this.outputs = outputs;
    this.batching = batching;
    inputs.forEach(i -> inputBuffers.add(new ReusedBuffer(environment, i.datatype())));
    outputs.forEach(o -> outputBuffers.add(new ReusedBuffer(environment, o.datatype())));
    this.pinning = new Pinning[outputs.size()];
    for (int i = 0; i < pinning.length; i++) {
      pinning[i] = isPredictable(outputs.get(i)) ? Pinning.UNPROVED : Pinning.IMPOSSIBLE;
    }
  }

  private boolean isPredictable(ModelTensor output) {
    boolean firstIsBatch = batching && output.hasOpenFirstDimension();
    return output.datatype() != Datatype.BYTES
        && (firstIsBatch || !batching)
        && output.dims().stream().skip(firstIsBatch ? 1 : 0).allMatch(dim -> dim > 0);
  }

  @Override
  public BatchOutputs run(List<? extends LaneRequest> batch) throws InferenceException {
    if (!batching && batch.size() != 1) {
      throw new IllegalArgumentException(
          "batch of " + batch.size() + " requests (expected: 1 for a model without batches)");
    }
    long startNanos = System.nanoTime();
    int rows = 0;
    for (LaneRequest request : batch) {
      rows += request.rows();
    }
    List<OnnxTensor> owned = new ArrayList<>();
    try {
      Map<String, OnnxTensor> feed = gather(batch, rows, owned);
      boolean[] wanted = wanted(batch);
      long gatheredNanos = System.nanoTime();
      OrtSession.Result result = runOnce(feed, wanted, rows);
      long ranNanos = System.nanoTime();
      try {
        return new OrtOutputs(
            result,
            read(result, wanted, rows),
            gatheredNanos - startNanos,
            ranNanos - gatheredNanos);
      } catch (InferenceException e) {
        result.close();
        throw e;
      }
    } catch (OrtException e) {
      throw InferenceException.failed(OrtErrors.text(e));
    } finally {
      owned.forEach(OnnxTensor::close);
    }
  }

  private Map<String, OnnxTensor> gather(
      List<? extends LaneRequest> batch, int rows, List<OnnxTensor> owned)
      throws OrtException, InferenceException {
    Map<String, OnnxTensor> feed = new LinkedHashMap<>();
    for (int i = 0; i < inputs.size(); i++) {
      ModelTensor input = inputs.get(i);
      long[] shape = batch.getFirst().shape(i).clone();
      if (batching) {
        shape[0] = rows;
      }
      if (input.datatype() == Datatype.BYTES) {
        List<String> texts = new ArrayList<>();
        for (LaneRequest request : batch) {
          OrtStrings.decode(request.data(i), input.name(), texts);
        }
        OnnxTensor tensor =
            OnnxTensor.createTensor(environment, texts.toArray(String[]::new), shape);
        owned.add(tensor);
        feed.put(input.name(), tensor);
      } else {
        feed.put(input.name(), gather(batch, i, shape));
      }
    }
    return feed;
  }

  private OnnxTensor gather(List<? extends LaneRequest> batch, int input, long[] shape)
      throws OrtException, InferenceException {
    long size = 0;
    for (LaneRequest request : batch) {
      size += request.data(input).remaining();
    }
    if (size > Integer.MAX_VALUE - 8L) {
      throw InferenceException.badInput(
          "input '" + inputs.get(input).name() + "' has " + size + " bytes, over 2 GiB");
    }
    ByteBuffer target = inputBuffers.get(input).bytes((int) size);
    for (LaneRequest request : batch) {
      target.put(request.data(input).duplicate());
    }
    return inputBuffers.get(input).view(shape, (int) size);
  }

  private boolean[] wanted(List<? extends LaneRequest> batch) {
    boolean[] wanted = new boolean[outputs.size()];
    for (LaneRequest request : batch) {
      for (int i = 0; i < wanted.length; i++) {
        wanted[i] |= request.wants(i);
      }
    }
    return wanted;
  }

  private OrtSession.Result runOnce(Map<String, OnnxTensor> feed, boolean[] wanted, int rows)
      throws OrtException {
    Set<String> requested = new HashSet<>();
    Map<String, OnnxTensor> pinned = new LinkedHashMap<>();
    for (int i = 0; i < wanted.length; i++) {
      if (wanted[i]) {
        if (pinning[i] == Pinning.PROVED) {
          pinned.put(outputs.get(i).name(), pin(i, rows));
        } else {
          requested.add(outputs.get(i).name());
        }
      }
    }
    if (pinned.isEmpty()) {
      return session.run(feed, requested);
    }
    try {
      return session.run(feed, requested, pinned);
    } catch (OrtException e) {
      if (e.getCode() != OrtException.OrtErrorCode.ORT_INVALID_ARGUMENT) {
        throw e;
      }
      requested.addAll(pinned.keySet());
      OrtSession.Result result = session.run(feed, requested);
      for (int i = 0; i < wanted.length; i++) {
        if (wanted[i] && pinning[i] == Pinning.PROVED) {
          pinning[i] = Pinning.IMPOSSIBLE;
        }
      }
      return result;
    }
  }

  private OnnxTensor pin(int output, int rows) throws OrtException {
    long[] shape = predicted(output, rows);
    return outputBuffers.get(output).view(shape, byteSize(output, shape));
  }

  private long[] predicted(int output, int rows) {
    long[] shape = outputs.get(output).dims().stream().mapToLong(Long::longValue).toArray();
    if (batching) {
      shape[0] = rows;
    }
    return shape;
  }

  private int byteSize(int output, long[] shape) {
    long size = outputs.get(output).datatype().byteSize();
    for (long dim : shape) {
      size = Math.multiplyExact(size, dim);
    }
    return Math.toIntExact(size);
  }

  private OrtOutputs.Value[] read(OrtSession.Result result, boolean[] wanted, int rows)
      throws OrtException, InferenceException {
    var values = new OrtOutputs.Value[outputs.size()];
    for (int i = 0; i < values.length; i++) {
      if (!wanted[i]) {
        values[i] = OrtOutputs.Value.ABSENT;
        continue;
      }
      ModelTensor output = outputs.get(i);
      if (!(result.get(output.name()).orElse(null) instanceof OnnxTensor tensor)) {
        throw InferenceException.failed("the model produced no output '" + output.name() + "'");
      }
      long[] shape = tensor.getInfo().getShape();
      if (batching && (shape.length == 0 || shape[0] != rows)) {
        throw InferenceException.failed(
            "output '"
                + output.name()
                + "' has shape "
                + Arrays.toString(shape)
                + " for a batch of "
                + rows
                + " rows; the model does not batch: set max_batch_size: 0");
      }
      values[i] = value(i, tensor, shape, rows);
    }
    return values;
  }

  private OrtOutputs.Value value(int output, OnnxTensor tensor, long[] shape, int rows)
      throws OrtException {
    if (outputs.get(output).datatype() == Datatype.BYTES) {
      return OrtOutputs.Value.strings(shape, OrtStrings.flatten(tensor.getValue()), batching, rows);
    }
    if (pinning[output] == Pinning.PROVED) {
      ByteBuffer data = outputBuffers.get(output).bytes(byteSize(output, shape));
      return OrtOutputs.Value.numbers(shape, data, batching, rows);
    }
    if (pinning[output] == Pinning.UNPROVED && Arrays.equals(shape, predicted(output, rows))) {
      pinning[output] = Pinning.PROVED;
    }
    return OrtOutputs.Value.numbers(shape, tensor.getByteBuffer(), batching, rows);
  }

  @Override
  public void close() {
    inputBuffers.forEach(ReusedBuffer::close);
    outputBuffers.forEach(ReusedBuffer::close);
  }
}
