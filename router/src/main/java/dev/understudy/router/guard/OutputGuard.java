package dev.understudy.router.guard;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.Finite;
import dev.understudy.proto.tensor.InferResponseView;
import dev.understudy.proto.tensor.TensorData;
import dev.understudy.proto.tensor.TensorException;
import dev.understudy.proto.tensor.TensorView;
import dev.understudy.router.call.Refusals;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Refuses an answer that holds NaN or an infinity: in the contract's decision output, or without a
 * contract in any floating-point output. Outputs that the client did not ask for are not there to
 * be looked at. Stateless.
 */
public final class OutputGuard {
  private OutputGuard() {}

  /**
   * Looks at an answer.
   *
   * @param output the decision output, or empty for all
   * @return why the answer must not be given, or null when it may
   */
  public static @Nullable Fault refusal(
      String clientId, String model, String output, InferResponseView answer) {
    for (int i = 0; i < answer.outputCount(); i++) {
      TensorView tensor = answer.output(i);
      if (!isFloat(tensor.datatype()) || !(output.isEmpty() || tensor.name().equals(output))) {
        continue;
      }
      Fault fault = look(clientId, model, answer, i, tensor);
      if (fault != null) {
        return fault;
      }
    }
    return null;
  }

  private static @Nullable Fault look(
      String clientId, String model, InferResponseView answer, int index, TensorView tensor) {
    Datatype type = tensor.datatype();
    if (type == null) {
      return null;
    }
    try {
      ByteBuffer data = TensorData.of(answer, index);
      if (data.remaining() % type.byteSize() != 0) {
        return Refusals.badOutput(clientId, model, tensor.name(), 0, "a torn element");
      }
      int bad = Finite.firstNonFinite(data, type);
      return bad < 0
          ? null
          : Refusals.badOutput(clientId, model, tensor.name(), bad, "NaN or an infinity");
    } catch (TensorException e) {
      return Refusals.badOutput(clientId, model, tensor.name(), 0, "no data");
    }
  }

  private static boolean isFloat(@Nullable Datatype type) {
    return type == Datatype.FP16
        || type == Datatype.BF16
        || type == Datatype.FP32
        || type == Datatype.FP64;
  }
}
