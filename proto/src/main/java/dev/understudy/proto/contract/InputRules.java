package dev.understudy.proto.contract;

import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.InferMessage;
import dev.understudy.proto.tensor.Signature;
import dev.understudy.proto.tensor.TensorData;
import dev.understudy.proto.tensor.TensorException;
import dev.understudy.proto.tensor.TensorSpec;
import dev.understudy.proto.tensor.TensorView;
import dev.understudy.proto.v1.Feature;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The rules for the columns of one input.
 *
 * <p>The bounds of the columns lie in arrays, repeated for as many rows as make some 256 elements,
 * and the elements are held against them by {@link Kernels}, one such tile after the other. Only a
 * tile with something outside is looked at again, element by element. Columns of which bounds do
 * not say everything (values listed one by one) are looked at in between.
 *
 * <p>The arrays are made for the datatype that requests have, when the first comes. Any thread.
 */
final class InputRules {
  private static final int TILE = 256;

  /** All that is made for one datatype. */
  private static final class Made {
    final Keys keys;
    final ColumnRule[] columns;
    final int[] specials;
    final int tile;
    final int[] low;
    final int[] high;
    final long[] longLow;
    final long[] longHigh;

    Made(Keys keys, List<Feature> features) {
      this.keys = keys;
      columns =
          features.stream()
              .map(feature -> new ColumnRule(feature, keys))
              .toArray(ColumnRule[]::new);
      specials = IntStream.range(0, columns.length).filter(i -> columns[i].isSpecial()).toArray();
      tile = columns.length * Math.max(1, TILE / columns.length);
      boolean wide = keys.size == 8;
      low = new int[wide ? 0 : tile];
      high = new int[wide ? 0 : tile];
      longLow = new long[wide ? tile : 0];
      longHigh = new long[wide ? tile : 0];
      for (int i = 0; i < tile; i++) {
        ColumnRule column = columns[i % columns.length];
        if (wide) {
          longLow[i] = column.fastLow();
          longHigh[i] = column.fastHigh();
        } else {
          low[i] = cut(column.fastLow());
          high[i] = cut(column.fastHigh());
        }
      }
    }

    private static int cut(long key) {
      return (int) Math.max(Integer.MIN_VALUE, Math.min(Integer.MAX_VALUE, key));
    }

    boolean isSuspicious(byte[] data, int from, int n) {
      boolean bad =
          switch (keys.size) {
            case 1 -> Kernels.bytes(data, from, n, (int) keys.flip, low, high) != 0;
            case 2 ->
                Kernels.shorts(data, from, n, (int) keys.mask, (int) keys.flip, low, high) != 0;
            case 4 -> Kernels.ints(data, from, n, (int) keys.mask, (int) keys.flip, low, high) != 0;
            default -> Kernels.longs(data, from, n, keys.mask, keys.flip, longLow, longHigh) != 0;
          };
      return bad || (specials.length != 0 && isSpecial(data, from, n));
    }

    private boolean isSpecial(byte[] data, int from, int n) {
      for (int row = 0; row < n; row += columns.length) {
        for (int special : specials) {
          int at = row + special;
          if (at < n && !columns[special].passes(keys.at(data, from + at * keys.size))) {
            return true;
          }
        }
      }
      return false;
    }
  }

  private final String input;
  private final byte[] name;
  private final List<Feature> features;
  private final boolean numbers;
  private final boolean texts;
  private final boolean trial;
  private final @Nullable TextRules textRules;
  private volatile @Nullable Made made;

  private InputRules(String input, List<Feature> features) {
    this.input = input;
    this.name = input.getBytes(StandardCharsets.UTF_8);
    this.features = features;
    this.numbers = features.stream().anyMatch(ColumnRule::isLive);
    this.texts = features.stream().anyMatch(f -> f.getAllowedTextCount() > 0);
    this.trial =
        features.stream()
            .filter(f -> ColumnRule.isLive(f) || f.getAllowedTextCount() > 0)
            .allMatch(Feature::getTrial);
    this.textRules = texts ? new TextRules(features) : null;
  }

  /** The rules, or null when nothing is demanded of any column. */
  static @Nullable InputRules of(String input, List<Feature> features) {
    InputRules rules = new InputRules(input, features);
    return rules.numbers || rules.texts ? rules : null;
  }

  /** Looks at the tensor, if the message has it; optional inputs may be left out. */
  @Nullable ContractFindings check(
      byte[] message, InferMessage request, @Nullable ContractFindings found) {
    for (int i = 0; i < request.tensorCount(); i++) {
      if (request.tensor(i).nameIs(name)) {
        return check(message, request, i, found);
      }
    }
    return found;
  }

  private @Nullable ContractFindings check(
      byte[] message, InferMessage request, int index, @Nullable ContractFindings found) {
    TensorView tensor = request.tensor(index);
    Datatype type = tensor.datatype();
    if (type == null || (type == Datatype.BYTES ? numbers : texts)) {
      return layout(
          message,
          found,
          tensor.datatypeName() + " (expected: " + (texts ? "BYTES" : "numbers") + ")");
    }
    int count = features.size();
    if (count > 1 && (tensor.rank() == 0 || tensor.dim(tensor.rank() - 1) != count)) {
      return layout(
          message,
          found,
          (tensor.rank() == 0 ? "no dimension" : "last dimension " + tensor.dim(tensor.rank() - 1))
              + " (expected: "
              + count
              + " columns)");
    }
    byte[] data = message;
    int from;
    int length;
    boolean typed = tensor.rawIndex() < 0;
    if (typed) {
      try {
        ByteBuffer raw = TensorData.of(request, index);
        data = raw.array();
        from = raw.arrayOffset() + raw.position();
        length = raw.remaining();
      } catch (TensorException e) {
        return layout(message, found, String.valueOf(e.getMessage()));
      }
    } else {
      from = request.rawOffset(tensor.rawIndex());
      length = request.rawSize(tensor.rawIndex());
    }
    TextRules text = textRules;
    return text != null
        ? text.check(input, message, data, from, length, found)
        : numbers(made(type), message, data, from, length, typed, index, found);
  }

  private @Nullable ContractFindings numbers(
      Made rules,
      byte[] message,
      byte[] data,
      int from,
      int length,
      boolean typed,
      int index,
      @Nullable ContractFindings before) {
    ContractFindings found = before;
    int size = rules.keys.size;
    int elements = length / size;
    Scan scan = null;
    for (int at = 0; at < elements; at += rules.tile) {
      int n = Math.min(rules.tile, elements - at);
      if (rules.isSuspicious(data, from + at * size, n)) {
        if (scan == null) {
          found = found == null ? new ContractFindings(message) : found;
          scan = new Scan(found, input, index, data, typed, rules.keys);
        }
        if (!scan.over(rules.columns, from + at * size, at, n)) {
          return found;
        }
      }
    }
    return empty(found, before) ? before : found;
  }

  /** A second look may find that all is well: NaN where it is allowed beside a range. */
  private static boolean empty(
      @Nullable ContractFindings found, @Nullable ContractFindings before) {
    return before == null && found != null && found.isEmpty();
  }

  private ContractFindings layout(
      byte[] message, @Nullable ContractFindings before, String description) {
    ContractFindings found = before == null ? new ContractFindings(message) : before;
    if (trial) {
      found.note("layout", "contract.trial.layout", ContractFindings.Deed.TRIAL);
    } else {
      found.refuse("layout", "inputs[" + input + "]", description);
    }
    return found;
  }

  private Made made(Datatype type) {
    Made ready = made;
    if (ready == null || ready.keys.type != type) {
      // Two threads may both make it; either will do. Requests that fit one signature agree.
      ready = new Made(new Keys(type), features);
      made = ready;
    }
    return ready;
  }

  /** Why the rules cannot be kept by any request that fits a signature, or null. */
  @Nullable String misfit(Signature signature) {
    for (TensorSpec spec : signature.inputs()) {
      if (spec.name().equals(input)) {
        return misfit(spec, signature.maxBatchSize() > 0);
      }
    }
    return "has rules for input '" + input + "', which the model does not have";
  }

  private @Nullable String misfit(TensorSpec spec, boolean batches) {
    if (spec.datatype() == Datatype.BYTES ? numbers : texts) {
      return "has rules for "
          + (texts ? "texts" : "numbers")
          + " in input '"
          + input
          + "' of datatype "
          + spec.datatype().wireName();
    }
    int count = features.size();
    boolean anyWidth = spec.rank() == 0 ? batches : spec.dim(spec.rank() - 1) == -1;
    long width = spec.rank() == 0 ? 0 : spec.dim(spec.rank() - 1);
    return count == 1 || anyWidth || width == count
        ? null
        : "has " + count + " columns in input '" + input + "' (expected: " + width + ")";
  }
}
