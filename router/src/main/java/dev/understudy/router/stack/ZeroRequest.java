package dev.understudy.router.stack;

import com.google.protobuf.ByteString;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.Signature;
import dev.understudy.proto.tensor.TensorSpec;

/** A request that fits a signature and says nothing: zeros and empty texts. Stateless. */
final class ZeroRequest {
  /** The most rows. */
  static final int MOST_ROWS = 4096;

  private static final long MOST_BYTES = 16 << 20;
  private static final int TEXT_BYTES = 4;

  private ZeroRequest() {}

  /**
   * Makes one; dimensions that are open have the length 1.
   *
   * @param rows of a model that batches, 1 or more
   * @throws IllegalArgumentException when it would be too large
   */
  static ModelInferRequest of(Signature signature, int rows) {
    ModelInferRequest.Builder request =
        ModelInferRequest.newBuilder().setModelName(signature.modelName());
    long total = 0;
    for (TensorSpec spec : signature.inputs()) {
      var input =
          request.addInputsBuilder().setName(spec.name()).setDatatype(spec.datatype().wireName());
      long elements = 1;
      if (signature.maxBatchSize() > 0) {
        input.addShape(rows);
        elements = rows;
      }
      for (long dim : spec.dims()) {
        long length = dim < 0 ? 1 : dim;
        input.addShape(length);
        elements = Math.multiplyExact(elements, length);
      }
      int width = spec.datatype() == Datatype.BYTES ? TEXT_BYTES : spec.datatype().byteSize();
      total += Math.multiplyExact(elements, width);
      if (rows > MOST_ROWS || total > MOST_BYTES) {
        throw new IllegalArgumentException(
            "rows: " + rows + " (expected: 1 to 4096, and at most 16 MiB of zeros)");
      }
      request.addRawInputContents(ByteString.copyFrom(new byte[(int) (elements * width)]));
    }
    return request.build();
  }
}
