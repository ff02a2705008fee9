package dev.understudy.modelserver.frontend;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import dev.understudy.modelserver.execution.BatchOutputs;
import dev.understudy.modelserver.repository.ServedVersion;
import dev.understudy.proto.inference.InferParameter;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.tensor.TensorSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;

/**
 * Encodes answers. The small part goes through the generated message; the tensors' bytes are copied
 * straight from the lane's buffers to their place behind it, since {@code raw_output_contents} is
 * the last field.
 */
final class ResponseEncoder {
  private static final InferParameter TRUE = InferParameter.newBuilder().setBoolParam(true).build();

  private ResponseEncoder() {}

  /**
   * Encodes some rows of a batch's outputs.
   *
   * @param wanted which outputs, in which order
   * @param streamed whether to mark the answer as the request's last
   */
  static byte[] encode(
      ServedVersion version,
      String id,
      int[] wanted,
      BatchOutputs outputs,
      int fromRow,
      int rows,
      boolean streamed) {
    ModelInferResponse.Builder head =
        ModelInferResponse.newBuilder()
            .setModelName(version.name())
            .setModelVersion(Long.toString(version.number()))
            .setId(id);
    if (streamed) {
      head.putParameters("triton_final_response", TRUE);
    }
    ByteBuffer[] data = new ByteBuffer[wanted.length];
    long size = 0;
    for (int i = 0; i < wanted.length; i++) {
      TensorSpec spec = version.signature().outputs().get(wanted[i]);
      ModelInferResponse.InferOutputTensor.Builder tensor =
          head.addOutputsBuilder().setName(spec.name()).setDatatype(spec.datatype().wireName());
      for (long dim : outputs.shape(wanted[i], rows)) {
        tensor.addShape(dim);
      }
      data[i] = outputs.data(wanted[i], fromRow, rows);
      size +=
          CodedOutputStream.computeByteBufferSize(
              ModelInferResponse.RAW_OUTPUT_CONTENTS_FIELD_NUMBER, data[i]);
    }
    ModelInferResponse built = head.build();
    byte[] message = new byte[Math.toIntExact(size + built.getSerializedSize())];
    CodedOutputStream out = CodedOutputStream.newInstance(message);
    try {
      built.writeTo(out);
      for (ByteBuffer tensor : data) {
        out.writeTag(
            ModelInferResponse.RAW_OUTPUT_CONTENTS_FIELD_NUMBER,
            WireFormat.WIRETYPE_LENGTH_DELIMITED);
        out.writeUInt32NoTag(tensor.remaining());
        out.write(tensor);
      }
      out.checkNoSpaceLeft();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return message;
  }
}
