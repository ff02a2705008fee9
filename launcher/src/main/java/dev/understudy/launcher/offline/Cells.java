package dev.understudy.launcher.offline;

import dev.understudy.proto.tensor.BFloat16;
import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.Half;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Cells of a table as elements of raw tensors. What is missing (an empty cell, {@code nan}, {@code
 * na}, {@code n/a}, {@code null} in any case) is NaN where the datatype has it; text may be empty;
 * other datatypes cannot say that something is missing. Stateless.
 */
final class Cells {
  private static final Set<String> MISSING = Set.of("", "nan", "na", "n/a", "null");
  private static final BigInteger UINT64_MAX = BigInteger.TWO.pow(64).subtract(BigInteger.ONE);

  private Cells() {}

  static boolean missing(String cell) {
    return MISSING.contains(cell.toLowerCase(Locale.ROOT));
  }

  /** A number, a truth value, or NaN for a cell that is missing. */
  static double number(String cell) {
    if (missing(cell)) {
      return Double.NaN;
    }
    return switch (cell.toLowerCase(Locale.ROOT)) {
      case "true" -> 1;
      case "false" -> 0;
      default -> Double.parseDouble(cell);
    };
  }

  /**
   * Bytes of one element, little-endian.
   *
   * @throws IllegalArgumentException with what is wrong with the cell
   */
  static byte[] encode(Datatype type, String cell) {
    if (type == Datatype.BYTES) {
      byte[] text = cell.getBytes(StandardCharsets.UTF_8);
      return buffer(Integer.BYTES + text.length).putInt(text.length).put(text).array();
    }
    if (missing(cell)) {
      byte[] nan = missing(type);
      if (nan == null) {
        throw new IllegalArgumentException(
            "missing (expected: a value, since " + type.wireName() + " has none that says so)");
      }
      return nan;
    }
    try {
      return element(type, cell);
    } catch (NumberFormatException | ArithmeticException e) {
      throw new IllegalArgumentException("'" + cell + "' (expected: " + expected(type) + ")", e);
    }
  }

  private static byte @Nullable [] missing(Datatype type) {
    return switch (type) {
      case FP16 -> buffer(2).putShort(Half.fromFloat(Float.NaN)).array();
      case BF16 -> buffer(2).putShort(BFloat16.fromFloat(Float.NaN)).array();
      case FP32 -> buffer(4).putFloat(Float.NaN).array();
      case FP64 -> buffer(8).putDouble(Double.NaN).array();
      default -> null;
    };
  }

  private static byte[] element(Datatype type, String cell) {
    return switch (type) {
      case BOOL -> new byte[] {truth(cell)};
      case UINT8 -> new byte[] {(byte) within(cell, 0, 0xff)};
      case INT8 -> new byte[] {(byte) within(cell, Byte.MIN_VALUE, Byte.MAX_VALUE)};
      case UINT16 -> buffer(2).putShort((short) within(cell, 0, 0xffff)).array();
      case INT16 ->
          buffer(2).putShort((short) within(cell, Short.MIN_VALUE, Short.MAX_VALUE)).array();
      case UINT32 -> buffer(4).putInt((int) within(cell, 0, 0xffff_ffffL)).array();
      case INT32 ->
          buffer(4).putInt((int) within(cell, Integer.MIN_VALUE, Integer.MAX_VALUE)).array();
      case UINT64 -> buffer(8).putLong(unsigned(cell)).array();
      case INT64 -> buffer(8).putLong(within(cell, Long.MIN_VALUE, Long.MAX_VALUE)).array();
      case FP16 -> buffer(2).putShort(Half.fromFloat(Float.parseFloat(cell))).array();
      case BF16 -> buffer(2).putShort(BFloat16.fromFloat(Float.parseFloat(cell))).array();
      case FP32 -> buffer(4).putFloat(Float.parseFloat(cell)).array();
      case FP64 -> buffer(8).putDouble(Double.parseDouble(cell)).array();
      case BYTES -> throw new IllegalArgumentException("text is encoded apart");
    };
  }

  private static byte truth(String cell) {
    return switch (cell.toLowerCase(Locale.ROOT)) {
      case "true", "1", "1.0" -> 1;
      case "false", "0", "0.0" -> 0;
      default -> throw new NumberFormatException(cell);
    };
  }

  /** Whole numbers, also as other programs write a column that once held a gap: {@code 7.0}. */
  private static long within(String cell, long least, long most) {
    String whole = cell.endsWith(".0") ? cell.substring(0, cell.length() - 2) : cell;
    long value = Long.parseLong(whole);
    if (value < least || value > most) {
      throw new NumberFormatException(cell);
    }
    return value;
  }

  private static long unsigned(String cell) {
    BigInteger value = new BigInteger(cell);
    if (value.signum() < 0 || value.compareTo(UINT64_MAX) > 0) {
      throw new NumberFormatException(cell);
    }
    return value.longValue();
  }

  private static String expected(Datatype type) {
    return switch (type) {
      case BOOL -> "true or false";
      case FP16, BF16, FP32, FP64 -> "a number";
      default -> "a whole number that " + type.wireName() + " holds";
    };
  }

  private static ByteBuffer buffer(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }
}
