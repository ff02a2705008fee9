package dev.understudy.router.patterns;

import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.tensor.TensorData;
import dev.understudy.proto.tensor.TensorException;
import dev.understudy.proto.tensor.TensorView;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * What is kept of one row of a request: enough to tell that two rows are almost the same, and
 * nothing that would tell what was in them.
 *
 * <p><b>Likeness.</b> A row is the set of its non-zero elements, each with its place and rounded to
 * five bits of mantissa (steps of 3 %), so that a step along a line and a nudge of one feature
 * change few members. The set is kept by one-permutation MinHash (Li, Owen and Zhang, 2012): a hash
 * sends each member to one of 16 bins, a bin keeps the smallest rest, and of that a digit of 15 (as
 * b-bit minwise hashing, Li and König, 2010); a sixteenth says that the bin is empty. The share of
 * equal bins among those that are not empty in both estimates the Jaccard index of the sets; unlike
 * rows agree in a bin by chance 1 time in 15. Rows are near when at most one bin in eight differs:
 * an index of about 0.87. At most {@value #MOST_ELEMENTS} elements are looked at, evenly spaced; a
 * row that differs in others only is near.
 *
 * <p><b>Sameness.</b> A checksum of the row's bytes (at most {@value #MOST_BYTES} of each tensor)
 * tells a repeat, which teaches a copier nothing, from a near-duplicate. A change beyond that many
 * bytes looks like a repeat.
 *
 * <p>Reusable; for one thread at a time.
 */
final class Sketch {
  private static final int BINS = 16;
  private static final int EMPTY = 15;
  private static final int MOST_ELEMENTS = 128;
  private static final int MOST_BYTES = 64 << 10;
  private static final long MIX = 0xff51afd7ed558ccdL;
  private static final long NIBBLES = 0x1111_1111_1111_1111L;

  private final int[] least = new int[BINS];
  private long sum;
  private long bins;
  private int checksum;

  /** The 16 bins, four bits each. */
  long bins() {
    return bins;
  }

  /** Tells repeats. */
  int checksum() {
    return checksum;
  }

  /** Whether the rows of two sketches are almost the same, or the same. */
  static boolean isNear(long a, long b) {
    int empty = Long.bitCount(empty(a) & empty(b));
    long x = a ^ b;
    x |= x >>> 1;
    x |= x >>> 2;
    int different = Long.bitCount(x & NIBBLES);
    return empty < BINS && 8 * different <= BINS - empty;
  }

  /** One bit for each bin without a member. */
  private static long empty(long bins) {
    long x = bins & bins >>> 1;
    return x & x >>> 2 & NIBBLES;
  }

  /**
   * Takes up one row.
   *
   * @param seed of the model, secret: rows of different models are unlike, and nobody outside can
   *     make two rows of one checksum
   * @param pick which row of a batch, any number
   * @return whether there was anything to look at
   */
  boolean of(InferRequestView request, long seed, int pick) {
    Arrays.fill(least, Integer.MAX_VALUE);
    sum = seed;
    boolean any = false;
    for (int i = 0; i < request.inputCount(); i++) {
      any |= add(request, i, seed, pick);
    }
    long packed = 0;
    for (int value : least) {
      packed = (packed << 4) | (value == Integer.MAX_VALUE ? EMPTY : value % EMPTY);
    }
    bins = packed;
    checksum = (int) (((sum ^ (sum >>> 32)) * MIX) >>> 32);
    return any;
  }

  private boolean add(InferRequestView request, int input, long seed, int pick) {
    TensorView view = request.input(input);
    Datatype type = view.datatype();
    ByteBuffer data;
    try {
      data = TensorData.of(request, input);
    } catch (TensorException withheld) {
      return false;
    }
    int size = data.remaining();
    if (type == null || size == 0) {
      return false;
    }
    int width = Math.max(1, type.byteSize());
    int rows = view.rank() > 1 ? Math.clamp(view.dim(0), 1, size) : 1;
    // BYTES differ in length, so that rows cannot be told apart: the tensor is one row.
    int rowBytes = type == Datatype.BYTES || size % (rows * (long) width) != 0 ? size : size / rows;
    int from = rowBytes * Math.floorMod(pick, size / rowBytes);
    ByteBuffer row = data.slice(from, rowBytes).order(ByteOrder.LITTLE_ENDIAN);
    sum(row, Math.min(rowBytes, MOST_BYTES));
    int elements = rowBytes / width;
    int step = (elements + MOST_ELEMENTS - 1) / MOST_ELEMENTS;
    long base = seed + 0x9e3779b97f4a7c15L * (input + 1);
    if (type == Datatype.FP32) {
      // The usual one, apart from the others so that its loop is a tight one.
      for (int at = 0; at < elements; at += step) {
        member(base, at, row.getInt(at * 4) >> 18);
      }
    } else {
      for (int at = 0; at < elements; at += step) {
        member(base, at, rounded(row, type, at));
      }
    }
    return true;
  }

  /** Not for adversaries who know the seed; two lanes, because one waits for each product. */
  private void sum(ByteBuffer row, int bytes) {
    long a = sum;
    long b = ~sum;
    int at = 0;
    for (; at + 16 <= bytes; at += 16) {
      a = Long.rotateLeft(a ^ row.getLong(at), 29) * MIX;
      b = Long.rotateLeft(b ^ row.getLong(at + 8), 29) * MIX;
    }
    for (; at < bytes; at++) {
      a = Long.rotateLeft(a ^ row.get(at), 29) * MIX;
    }
    sum = (a ^ Long.rotateLeft(b, 32) ^ bytes) * MIX;
  }

  private void member(long base, int at, int value) {
    if (value == 0) {
      return;
    }
    long h = (base ^ (((long) at << 32) | (value & 0xffff_ffffL))) * MIX;
    h ^= h >>> 32;
    h *= 0xc4ceb9fe1a85ec53L;
    int bin = (int) (h >>> 60);
    int rest = (int) (h >>> 28) & Integer.MAX_VALUE >>> 1;
    if (rest < least[bin]) {
      least[bin] = rest;
    }
  }

  /** Sign, exponent and five bits of mantissa, or the value itself where it is small. */
  private static int rounded(ByteBuffer row, Datatype type, int at) {
    return switch (type) {
      case FP32 -> row.getInt(at * 4) >> 18;
      case FP64 -> (int) (row.getLong(at * 8) >> 47);
      case INT32, UINT32 -> Float.floatToRawIntBits((float) row.getInt(at * 4)) >> 18;
      case INT64, UINT64 -> Float.floatToRawIntBits((float) row.getLong(at * 8)) >> 18;
      case FP16 -> row.getShort(at * 2) >> 5;
      case BF16 -> row.getShort(at * 2) >> 2;
      case INT16, UINT16 -> Float.floatToRawIntBits(row.getShort(at * 2)) >> 18;
      case UINT8, INT8 -> row.get(at) >> 3;
      case BOOL, BYTES -> row.get(at);
    };
  }
}
