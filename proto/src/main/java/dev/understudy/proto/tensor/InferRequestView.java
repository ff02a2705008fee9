package dev.understudy.proto.tensor;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A serialized {@code ModelInferRequest}, read in place; see {@link InferMessage}.
 *
 * <p>Raw entries pair by position with the inputs that have neither typed contents nor a
 * shared-memory region. Raw entries beyond those belong to no input.
 */
public final class InferRequestView extends InferMessage {
  private final List<RequestedOutput> requestedOutputs;

  private InferRequestView(Walk walk) {
    super(walk, pair(walk));
    this.requestedOutputs = List.copyOf(walk.requestedOutputs);
  }

  /**
   * Reads the bytes between the buffer's position and limit. The buffer, on heap or direct, keeps
   * its position.
   *
   * @throws MalformedMessageException when they are not a request
   */
  public static InferRequestView parse(ByteBuffer message) {
    return new InferRequestView(new Walk(message, true));
  }

  private static List<TensorView> pair(Walk walk) {
    int raws = walk.raws.size();
    List<TensorView> tensors = new ArrayList<>(walk.tensors.size());
    int next = 0;
    for (TensorView tensor : walk.tensors) {
      boolean takes = next < raws && !tensor.hasContents() && !tensor.inSharedMemory();
      tensors.add(takes ? tensor.withRawIndex(next++) : tensor);
    }
    return tensors;
  }

  /** How many inputs, 0 to 10,000. */
  public int inputCount() {
    return tensorCount();
  }

  /** An input by position. */
  public TensorView input(int index) {
    return tensor(index);
  }

  /** The outputs that are asked for; empty means all. Unmodifiable. */
  public List<RequestedOutput> requestedOutputs() {
    return requestedOutputs;
  }

  /** True when an input or a requested output lies in a shared-memory region. */
  public boolean usesSharedMemory() {
    for (int i = 0; i < inputCount(); i++) {
      if (input(i).inSharedMemory()) {
        return true;
      }
    }
    for (int i = 0; i < requestedOutputs.size(); i++) {
      if (requestedOutputs.get(i).inSharedMemory()) {
        return true;
      }
    }
    return false;
  }
}
