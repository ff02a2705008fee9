package dev.understudy.proto.contract;

import dev.understudy.proto.tensor.BFloat16;
import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.Half;
import dev.understudy.proto.v1.ContractAction;
import dev.understudy.proto.v1.Feature;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The rules of columns once more, as one would say them: element by element, with BigDecimal. */
final class SlowContract {
  final Map<String, Long> counts = new TreeMap<>();
  final byte[] forwarded;
  private final Datatype type;

  SlowContract(List<Feature> features, Datatype type, byte[] data) {
    this.type = type;
    this.forwarded = data.clone();
    ByteBuffer raw = ByteBuffer.wrap(forwarded).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < data.length / type.byteSize(); i++) {
      element(features.get(i % features.size()), raw, i * type.byteSize());
    }
  }

  long refused() {
    return counts.entrySet().stream()
        .filter(e -> e.getKey().endsWith(" refuse"))
        .mapToLong(Map.Entry::getValue)
        .sum();
  }

  private void element(Feature f, ByteBuffer raw, int at) {
    Object value = read(raw, at);
    boolean ranged = f.hasMin() || f.hasMax();
    if (f.hasMissing() && same(value, f.getMissing().getValue())) {
      ContractAction action = f.getMissing().getAction();
      if (action == ContractAction.ACTION_REFUSE || action == ContractAction.ACTION_FLAG) {
        count(f, "missing", action);
      }
      if (f.getMissing().hasFill() && holds(f.getMissing().getFill())) {
        if (f.getTrial()) {
          count(f, "missing", ContractAction.ACTION_FLAG);
        } else {
          put(f.getName() + ".missing fill");
          write(raw, at, f.getMissing().getFill());
        }
      }
    } else if (isNan(value) && f.getNan() != ContractAction.ACTION_UNSPECIFIED) {
      if (f.getNan() != ContractAction.ACTION_ALLOW) {
        count(f, "nan", f.getNan());
      }
    } else if (f.getAllowedCount() > 0
        && f.getAllowedList().stream().noneMatch(a -> same(value, a))) {
      count(f, "allowed", f.getAction());
    } else if (ranged && !(above(value, f) && below(value, f))) {
      boolean canClamp =
          f.getAction() == ContractAction.ACTION_CLAMP
              && !isNan(value)
              && !f.getTrial()
              && reachable(f);
      if (canClamp) {
        put(f.getName() + ".range clamp");
        write(raw, at, above(value, f) ? f.getMax() : f.getMin(), !above(value, f));
      } else {
        count(f, "range", f.getAction());
      }
    }
  }

  private void count(Feature f, String rule, ContractAction action) {
    put(
        f.getName()
            + "."
            + rule
            + (f.getTrial()
                ? " trial"
                : action == ContractAction.ACTION_FLAG ? " flag" : " refuse"));
  }

  private void put(String key) {
    counts.merge(key, 1L, Long::sum);
  }

  private static boolean isNan(Object value) {
    return value instanceof Double d && d.isNaN();
  }

  /** A bound of the file as the tensor's datatype has it: floats only. */
  private double nearest(double bound) {
    return switch (type) {
      case FP16 -> Half.toFloat(Half.fromFloat((float) bound));
      case BF16 -> BFloat16.toFloat(BFloat16.fromFloat((float) bound));
      case FP32 -> (float) bound;
      default -> bound;
    };
  }

  private boolean same(Object value, double wanted) {
    if (value instanceof Double d) {
      return d.isNaN() ? Double.isNaN(wanted) : d == nearest(wanted);
    }
    return Double.isFinite(wanted) && ((BigDecimal) value).compareTo(new BigDecimal(wanted)) == 0;
  }

  private boolean above(Object value, Feature f) {
    if (!f.hasMin()) {
      return !isNan(value);
    }
    return value instanceof Double d
        ? d >= nearest(f.getMin())
        : ((BigDecimal) value).compareTo(new BigDecimal(f.getMin())) >= 0;
  }

  private boolean below(Object value, Feature f) {
    if (!f.hasMax()) {
      return !isNan(value);
    }
    return value instanceof Double d
        ? d <= nearest(f.getMax())
        : ((BigDecimal) value).compareTo(new BigDecimal(f.getMax())) <= 0;
  }

  private BigDecimal least() {
    return switch (type) {
      case BOOL, UINT8, UINT16, UINT32, UINT64 -> BigDecimal.ZERO;
      default -> BigDecimal.valueOf(2).pow(8 * type.byteSize() - 1).negate();
    };
  }

  private BigDecimal most() {
    return switch (type) {
      case BOOL -> BigDecimal.ONE;
      case UINT8, UINT16, UINT32, UINT64 ->
          BigDecimal.valueOf(2).pow(8 * type.byteSize()).subtract(BigDecimal.ONE);
      default -> BigDecimal.valueOf(2).pow(8 * type.byteSize() - 1).subtract(BigDecimal.ONE);
    };
  }

  private boolean isFloat() {
    return type == Datatype.FP16
        || type == Datatype.BF16
        || type == Datatype.FP32
        || type == Datatype.FP64;
  }

  private boolean holds(double value) {
    return isFloat()
        || (value == Math.rint(value)
            && new BigDecimal(value).compareTo(least()) >= 0
            && new BigDecimal(value).compareTo(most()) <= 0);
  }

  /** Whether the datatype has any number in the range. */
  private boolean reachable(Feature f) {
    if (isFloat()) {
      return true;
    }
    BigDecimal low = least();
    BigDecimal high = most();
    if (f.hasMin()) {
      low = low.max(new BigDecimal(f.getMin()).setScale(0, RoundingMode.CEILING));
    }
    if (f.hasMax()) {
      high = high.min(new BigDecimal(f.getMax()).setScale(0, RoundingMode.FLOOR));
    }
    return low.compareTo(high) <= 0;
  }

  private Object read(ByteBuffer raw, int at) {
    return switch (type) {
      case BOOL -> BigDecimal.valueOf(raw.get(at) == 0 ? 0 : 1);
      case UINT8 -> BigDecimal.valueOf(raw.get(at) & 0xff);
      case UINT16 -> BigDecimal.valueOf(raw.getShort(at) & 0xffff);
      case UINT32 -> BigDecimal.valueOf(raw.getInt(at) & 0xffff_ffffL);
      case UINT64 -> new BigDecimal(Long.toUnsignedString(raw.getLong(at)));
      case INT8 -> BigDecimal.valueOf(raw.get(at));
      case INT16 -> BigDecimal.valueOf(raw.getShort(at));
      case INT32 -> BigDecimal.valueOf(raw.getInt(at));
      case INT64 -> BigDecimal.valueOf(raw.getLong(at));
      case FP16 -> (double) Half.toFloat(raw.getShort(at));
      case BF16 -> (double) BFloat16.toFloat(raw.getShort(at));
      case FP32 -> (double) raw.getFloat(at);
      case FP64 -> raw.getDouble(at);
      case BYTES -> throw new IllegalArgumentException("BYTES");
    };
  }

  private void write(ByteBuffer raw, int at, double value) {
    write(raw, at, value, true);
  }

  private void write(ByteBuffer raw, int at, double value, boolean up) {
    // -0 is written as 0.
    double plain = value + 0.0;
    switch (type) {
      case FP16 -> raw.putShort(at, zero(Half.fromFloat((float) plain)));
      case BF16 -> raw.putShort(at, zero(BFloat16.fromFloat((float) plain)));
      case FP32 -> raw.putFloat(at, (float) plain + 0.0f);
      case FP64 -> raw.putDouble(at, plain);
      default -> {
        long whole =
            new BigDecimal(value)
                .setScale(0, up ? RoundingMode.CEILING : RoundingMode.FLOOR)
                .max(least())
                .min(most())
                .toBigInteger()
                .longValue();
        switch (type.byteSize()) {
          case 1 -> raw.put(at, (byte) whole);
          case 2 -> raw.putShort(at, (short) whole);
          case 4 -> raw.putInt(at, (int) whole);
          default -> raw.putLong(at, whole);
        }
      }
    }
  }

  private static short zero(short bits) {
    return bits == Short.MIN_VALUE ? 0 : bits;
  }
}
