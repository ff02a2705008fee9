package dev.understudy.proto.tensor;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A serialized {@code ModelInferResponse}, read in place; see {@link InferMessage}.
 *
 * <p>Raw entries pair by position with the outputs, also with those in shared memory, whose entry
 * is empty. An output beyond the raw entries may have typed contents instead.
 */
public final class InferResponseView extends InferMessage {
  private InferResponseView(Walk walk) {
    super(walk, pair(walk));
  }

  /**
   * Reads the bytes between the buffer's position and limit. The buffer, on heap or direct, keeps
   * its position.
   *
   * @throws MalformedMessageException when they are not a response
   */
  public static InferResponseView parse(ByteBuffer message) {
    return new InferResponseView(new Walk(message, false));
  }

  private static List<TensorView> pair(Walk walk) {
    int raws = walk.raws.size();
    List<TensorView> tensors = new ArrayList<>(walk.tensors.size());
    for (int i = 0; i < walk.tensors.size(); i++) {
      TensorView tensor = walk.tensors.get(i);
      tensors.add(i < raws ? tensor.withRawIndex(i) : tensor);
    }
    return tensors;
  }

  /** How many outputs, 0 to 10,000. */
  public int outputCount() {
    return tensorCount();
  }

  /** An output by position. */
  public TensorView output(int index) {
    return tensor(index);
  }
}
