package dev.understudy.router.slices;

import com.google.protobuf.ByteString;
import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.InferMessage;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.tensor.InferResponseView;
import dev.understudy.proto.tensor.TensorData;
import dev.understudy.proto.tensor.TensorException;
import dev.understudy.proto.tensor.TensorView;
import dev.understudy.proto.v1.ComparedOutput;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.OutputKind;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceLabels;
import dev.understudy.proto.v1.TensorValue;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What of a call may leave the router, by the contract's privacy policy: columns in clear stay, all
 * others become NaN (zero bytes in integer tensors). Without a policy nothing of the input leaves,
 * neither features nor labels of their slices; a column is labelled only when it is in clear, since
 * a label tells of the value. A tensor that is not laid out as the contract says is withheld whole.
 * The number of rows may always be told; callers are told by name only where the policy says so.
 *
 * <p>One for each model of a routing table: it keeps labels ready. Any number of threads.
 */
public final class Disclosure {
  private final DataContract contract;
  private final boolean[] clear;
  private final Slicer slicer;
  private final Set<String> compared;

  /**
   * By the contract of a model; the default instance discloses nothing of the input.
   *
   * @param contract whose columns and slices fit its features
   * @param salt hides the names of callers; constant through a rollout
   */
  public Disclosure(DataContract contract, String salt) {
    this.contract = contract;
    this.clear = new boolean[contract.getFeaturesCount()];
    if (contract.hasPrivacy()) {
      for (int column : contract.getPrivacy().getClearColumnsList()) {
        clear[column] = true;
      }
    }
    this.slicer = new Slicer(contract, clear, salt);
    this.compared =
        contract.getOutputsList().stream()
            .map(ComparedOutput::getOutput)
            .collect(Collectors.toUnmodifiableSet());
  }

  /** The features after the policy, or null when nothing may leave. */
  public @Nullable TensorValue features(InferRequestView request) {
    FeatureTable table = table(request);
    if (table == null || contract.getPrivacy().getClearColumnsCount() == 0) {
      return null;
    }
    ByteBuffer copy = ByteBuffer.allocate(table.data().remaining()).order(ByteOrder.LITTLE_ENDIAN);
    copy.put(table.data().duplicate()).flip();
    int size = table.type().byteSize();
    for (int row = 0; row < table.rows(); row++) {
      for (int column = 0; column < clear.length; column++) {
        if (!clear[column]) {
          blank(copy, table.type(), (row * clear.length + column) * size);
        }
      }
    }
    return TensorValue.newBuilder()
        .setName(contract.getFeatureInput())
        .setDatatype(table.type().wireName())
        .addAllShape(longs(table.view().shape()))
        .setData(ByteString.copyFrom(copy))
        .build();
  }

  /** Whether calls may get labels at all. */
  public boolean labels() {
    return !slicer.isEmpty();
  }

  /**
   * One set of labels per row; empty when no slice may be labelled.
   *
   * @param principal who calls
   * @param batch the call's rows, 1 or more
   */
  public List<SliceLabels> slices(InferRequestView request, String principal, long batch) {
    return contract.getSlicesCount() == 0
        ? List.of()
        : slicer.rows(table(request), principal, batch);
  }

  /** The different labels that rows of the call have; arguments as in {@link #slices}. */
  public Collection<SliceLabel> distinct(InferRequestView request, String principal, long batch) {
    return slicer.isEmpty()
        ? List.of()
        : slicer.distinct(slicer.looksAtColumns() ? table(request) : null, principal, batch);
  }

  /**
   * The outputs that are compared: those that the contract lists, else its decision's, else all of
   * them.
   */
  public List<TensorValue> outputs(InferResponseView answer) {
    List<TensorValue> outputs = new ArrayList<>();
    for (int i = 0; i < answer.outputCount(); i++) {
      TensorView tensor = answer.output(i);
      String name = tensor.name();
      if (!isCompared(name)) {
        continue;
      }
      ByteBuffer data = data(answer, i);
      if (data != null) {
        outputs.add(
            TensorValue.newBuilder()
                .setName(name)
                .setDatatype(tensor.datatypeName())
                .addAllShape(longs(tensor.shape()))
                .setData(ByteString.copyFrom(data))
                .build());
      }
    }
    return outputs;
  }

  private boolean isCompared(String output) {
    if (!compared.isEmpty()) {
      return compared.contains(output);
    }
    String decided = contract.getDecision().getOutput();
    return decided.isEmpty() || decided.equals(output);
  }

  /** The score of each row as the contract's decision reads it; empty when it cannot be read. */
  public List<Double> scores(InferResponseView answer) {
    Decision decision = contract.getDecision();
    if (!contract.hasDecision() || decision.getKind() == OutputKind.EMBEDDINGS) {
      return List.of();
    }
    for (int i = 0; i < answer.outputCount(); i++) {
      TensorView tensor = answer.output(i);
      if (tensor.name().equals(decision.getOutput())) {
        return scores(answer, i, tensor, decision);
      }
    }
    return List.of();
  }

  private static List<Double> scores(
      InferResponseView answer, int index, TensorView tensor, Decision decision) {
    Datatype type = tensor.datatype();
    ByteBuffer data = data(answer, index);
    if (type == null || data == null || !Elements.numeric(type)) {
      return List.of();
    }
    long elements = data.remaining() / type.byteSize();
    boolean columns = decision.getKind() == OutputKind.PROBABILITIES && tensor.rank() > 0;
    long width = columns ? tensor.dim(tensor.rank() - 1) : 1;
    int column = columns ? decision.getColumn() : 0;
    if (width < 1 || column >= width) {
      return List.of();
    }
    List<Double> scores = new ArrayList<>();
    for (long at = column; at < elements; at += width) {
      scores.add(Elements.at(data, type, at));
    }
    return scores;
  }

  private @Nullable FeatureTable table(InferRequestView request) {
    return !contract.hasPrivacy() || clear.length == 0 || contract.getFeatureInput().isEmpty()
        ? null
        : FeatureTable.find(request, contract.getFeatureInput(), clear.length);
  }

  private static @Nullable ByteBuffer data(InferMessage message, int index) {
    try {
      return TensorData.of(message, index);
    } catch (TensorException withheld) {
      return null;
    }
  }

  private static void blank(ByteBuffer raw, Datatype type, int at) {
    switch (type) {
      case FP16 -> raw.putShort(at, (short) 0x7e00);
      case BF16 -> raw.putShort(at, (short) 0x7fc0);
      case FP32 -> raw.putFloat(at, Float.NaN);
      case FP64 -> raw.putDouble(at, Double.NaN);
      default -> {
        for (int i = 0; i < type.byteSize(); i++) {
          raw.put(at + i, (byte) 0);
        }
      }
    }
  }

  private static List<Long> longs(long[] values) {
    List<Long> list = new ArrayList<>(values.length);
    for (long value : values) {
      list.add(value);
    }
    return list;
  }
}
