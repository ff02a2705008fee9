package dev.understudy.proto.contract;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.InferResponseView;
import dev.understudy.proto.v1.Extraction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Makes answers say less: numbers are rounded, and all but the greatest k of a row become 0. Who
 * asks often enough learns a model from its scores; every digit that is not needed helps him.
 * Deterministic, so that asking again adds nothing. Only floating-point outputs are touched.
 * Immutable; any number of threads.
 *
 * @see <a
 *     href="https://www.usenix.org/conference/usenixsecurity16/technical-sessions/presentation/tramer">Tramèr
 *     et al., Stealing Machine Learning Models via Prediction APIs, USENIX Security 2016, section
 *     7.1</a>
 */
public final class Coarsening {
  /** Beyond it a double has no digits behind the point. */
  private static final double WHOLE = 0x1p52;

  private final byte @Nullable [] output;
  private final boolean rounds;
  private final double scale;
  private final int topK;

  /** As the contract says. */
  public Coarsening(Extraction rule) {
    output = rule.getOutput().isEmpty() ? null : rule.getOutput().getBytes(StandardCharsets.UTF_8);
    rounds = rule.hasRound();
    scale = Math.pow(10, rule.getRound());
    topK = rule.getTopK();
  }

  /**
   * The answer, coarsened: a copy, or the same array when there is nothing to be changed.
   *
   * @param message the bytes that the answer was read from, from their first to their last
   */
  public byte[] of(byte[] message, InferResponseView answer) {
    byte[] copy = null;
    ModelInferResponse.Builder rebuilt = null;
    for (int i = 0; i < answer.outputCount(); i++) {
      Datatype type = answer.output(i).datatype();
      boolean wanted = output == null || answer.output(i).nameIs(output);
      AnswerElements elements =
          wanted && isFloat(type) ? AnswerElements.of(message, answer, i) : null;
      if (elements == null) {
        continue;
      }
      if (elements.typed) {
        coarsen(elements, elements.data);
        rebuilt = rebuilt == null ? parsed(message) : rebuilt;
        byte[] data =
            Arrays.copyOfRange(
                elements.data,
                elements.from,
                elements.from + elements.rows * elements.width * elements.keys.size);
        rebuilt
            .getOutputsBuilder(i)
            .setContents(ContractFindings.contents(elements.keys.type, data));
      } else {
        copy = copy == null ? message.clone() : copy;
        coarsen(elements, copy);
      }
    }
    if (rebuilt == null) {
      return copy == null ? message : copy;
    }
    if (copy != null) {
      // An answer with both forms: outputs in raw form were changed in the copy.
      rebuilt
          .clearRawOutputContents()
          .addAllRawOutputContents(parsed(copy).getRawOutputContentsList());
    }
    return rebuilt.build().toByteArray();
  }

  private static boolean isFloat(@Nullable Datatype type) {
    return type == Datatype.FP16
        || type == Datatype.BF16
        || type == Datatype.FP32
        || type == Datatype.FP64;
  }

  private static ModelInferResponse.Builder parsed(byte[] message) {
    try {
      return ModelInferResponse.parseFrom(message).toBuilder();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("an answer that has been read before", e);
    }
  }

  private void coarsen(AnswerElements elements, byte[] target) {
    Keys keys = elements.keys;
    double[] sorted = new double[topK > 0 && topK < elements.width ? elements.width : 0];
    for (int row = 0; row < elements.rows; row++) {
      double least = Double.NEGATIVE_INFINITY;
      int places = elements.width;
      if (sorted.length > 0) {
        for (int column = 0; column < elements.width; column++) {
          double value = elements.at(row, column);
          sorted[column] = Double.isNaN(value) ? Double.NEGATIVE_INFINITY : value;
        }
        Arrays.sort(sorted);
        least = sorted[elements.width - topK];
        places = topK - above(sorted, least);
      }
      for (int column = 0; column < elements.width; column++) {
        double value = elements.at(row, column);
        boolean stays = value > least || sorted.length == 0 || (value == least && places-- > 0);
        double coarse = stays ? rounded(value) : 0;
        if (coarse != value && !Double.isNaN(coarse)) {
          keys.put(target, elements.index(row, column), keys.exact(coarse));
        }
      }
    }
  }

  /** How many are greater. */
  private static int above(double[] sorted, double than) {
    int count = 0;
    for (int i = sorted.length - 1; i >= 0 && sorted[i] > than; i--) {
      count++;
    }
    return count;
  }

  private double rounded(double value) {
    double scaled = value * scale;
    return rounds && Math.abs(scaled) < WHOLE ? Math.rint(scaled) / scale : value;
  }
}
