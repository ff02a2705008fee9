package dev.understudy.router.slices;

import com.google.protobuf.ByteString;
import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.InferMessage;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.tensor.InferResponseView;
import dev.understudy.proto.tensor.TensorData;
import dev.understudy.proto.tensor.TensorException;
import dev.understudy.proto.tensor.TensorView;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.OutputKind;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceLabels;
import dev.understudy.proto.v1.SliceRule;
import dev.understudy.proto.v1.TensorValue;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What of a call may leave the router, by the contract's privacy policy: columns in clear stay, all
 * others become NaN (zero bytes in integer tensors). Without a policy nothing of the input leaves,
 * neither features nor slice labels; a slice is labelled only when its column is in clear, since a
 * label tells of the value. A tensor that is not laid out as the contract says is withheld whole.
 *
 * <p>Immutable; any number of threads.
 */
public final class Disclosure {
  private final DataContract contract;
  private final boolean[] clear;

  /** By the contract of a model; the default instance discloses nothing of the input. */
  public Disclosure(DataContract contract) {
    this.contract = contract;
    this.clear = new boolean[contract.getFeaturesCount()];
    if (contract.hasPrivacy()) {
      for (int column : contract.getPrivacy().getClearColumnsList()) {
        clear[column] = true;
      }
    }
  }

  /** The features after the policy, or null when nothing may leave. */
  public @Nullable TensorValue features(InferRequestView request) {
    Table table = table(request);
    if (table == null || contract.getPrivacy().getClearColumnsCount() == 0) {
      return null;
    }
    ByteBuffer copy = ByteBuffer.allocate(table.data.remaining()).order(ByteOrder.LITTLE_ENDIAN);
    copy.put(table.data.duplicate()).flip();
    int size = table.type.byteSize();
    for (int row = 0; row < table.rows; row++) {
      for (int column = 0; column < clear.length; column++) {
        if (!clear[column]) {
          blank(copy, table.type, (row * clear.length + column) * size);
        }
      }
    }
    return TensorValue.newBuilder()
        .setName(contract.getFeatureInput())
        .setDatatype(table.type.wireName())
        .addAllShape(longs(table.view.shape()))
        .setData(ByteString.copyFrom(copy))
        .build();
  }

  /** One set of labels per row; empty when no slice may be labelled. */
  public List<SliceLabels> slices(InferRequestView request) {
    if (contract.getSlicesCount() == 0) {
      return List.of();
    }
    Table table = table(request);
    if (table == null) {
      return List.of();
    }
    List<SliceLabels> rows = new ArrayList<>(table.rows);
    for (int row = 0; row < table.rows; row++) {
      SliceLabels.Builder labels = SliceLabels.newBuilder();
      for (SliceRule rule : contract.getSlicesList()) {
        if (clear[rule.getColumn()]) {
          double value =
              Elements.at(table.data, table.type, (long) row * clear.length + rule.getColumn());
          labels.addLabels(
              SliceLabel.newBuilder().setSlice(rule.getName()).setValue(label(rule, value)));
        }
      }
      rows.add(labels.build());
    }
    return rows;
  }

  /** The outputs that are compared: the contract's decision output, or all of them. */
  public List<TensorValue> outputs(InferResponseView answer) {
    String wanted = contract.getDecision().getOutput();
    List<TensorValue> outputs = new ArrayList<>();
    for (int i = 0; i < answer.outputCount(); i++) {
      TensorView tensor = answer.output(i);
      String name = tensor.name();
      if (!wanted.isEmpty() && !wanted.equals(name)) {
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

  private record Table(TensorView view, Datatype type, ByteBuffer data, int rows) {}

  private @Nullable Table table(InferRequestView request) {
    if (!contract.hasPrivacy() || clear.length == 0 || contract.getFeatureInput().isEmpty()) {
      return null;
    }
    for (int i = 0; i < request.inputCount(); i++) {
      TensorView view = request.input(i);
      if (!view.name().equals(contract.getFeatureInput())) {
        continue;
      }
      Datatype type = view.datatype();
      ByteBuffer data = type == null || !Elements.numeric(type) ? null : data(request, i);
      if (type == null
          || data == null
          || view.rank() == 0
          || view.dim(view.rank() - 1) != clear.length
          || data.remaining() % (clear.length * type.byteSize()) != 0) {
        return null;
      }
      return new Table(view, type, data, data.remaining() / (clear.length * type.byteSize()));
    }
    return null;
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

  private static String label(SliceRule rule, double value) {
    if (Double.isNaN(value)) {
      return "missing";
    }
    if (rule.getCategory()) {
      return shown(value);
    }
    List<Double> edges = rule.getEdgesList();
    if (value < edges.getFirst()) {
      return "<" + shown(edges.getFirst());
    }
    for (int i = 1; i < edges.size(); i++) {
      if (value < edges.get(i)) {
        return shown(edges.get(i - 1)) + ".." + shown(edges.get(i));
      }
    }
    return ">=" + shown(edges.getLast());
  }

  private static String shown(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }

  private static List<Long> longs(long[] values) {
    List<Long> list = new ArrayList<>(values.length);
    for (long value : values) {
      list.add(value);
    }
    return list;
  }
}
