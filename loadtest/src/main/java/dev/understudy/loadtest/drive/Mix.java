package dev.understudy.loadtest.drive;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * What calls are made of: kinds (models), their messages, and principals. Everything is made before
 * the first call; to choose is one random number each. The stream of choices is deterministic for
 * its seed. For one thread.
 */
public final class Mix {
  /** Bound on the bytes of all messages together. */
  public static final long MAX_BYTES = 256L << 20;

  /**
   * Messages that are chosen with a common weight; each of them is as likely as the next.
   *
   * @param name as it is reported
   * @param weight above 0
   * @param messages serialized requests, one or more
   */
  public record Kind(String name, double weight, List<byte[]> messages) {
    /** Checks ranges. */
    public Kind {
      if (!(weight > 0) || Double.isInfinite(weight)) {
        throw new IllegalArgumentException(name + ": weight " + weight + " (expected: > 0)");
      }
      if (messages.isEmpty()) {
        throw new IllegalArgumentException(name + ": no requests to send (expected: 1 or more)");
      }
      messages = List.copyOf(messages);
    }
  }

  private final List<Kind> kinds;
  private final double[] kindUpTo;
  private final double[] principalUpTo;
  private final byte[][][] messages;
  private final SplittableRandom random;
  private int kind;
  private int principal;

  /**
   * A mix.
   *
   * @param principalWeights one weight above 0 per principal
   */
  public Mix(List<Kind> kinds, double[] principalWeights, long seed) {
    long bytes = kinds.stream().flatMap(k -> k.messages().stream()).mapToLong(m -> m.length).sum();
    if (bytes > MAX_BYTES) {
      throw new IllegalArgumentException(
          "requests: " + bytes + " bytes (expected: up to " + MAX_BYTES + " in all)");
    }
    this.kinds = List.copyOf(kinds);
    this.kindUpTo = cumulative(kinds.stream().mapToDouble(Kind::weight).toArray());
    this.principalUpTo = cumulative(principalWeights);
    this.random = new SplittableRandom(seed);
    this.messages = new byte[kinds.size()][][];
    for (int i = 0; i < messages.length; i++) {
      messages[i] = this.kinds.get(i).messages().toArray(new byte[0][]);
    }
  }

  /** Weights {@code 1 / rank^exponent}: a few are asked for often, many seldom. */
  public static double[] zipf(int count, double exponent) {
    double[] weights = new double[count];
    for (int i = 0; i < count; i++) {
      weights[i] = Math.pow(i + 1, -exponent);
    }
    return weights;
  }

  private static double[] cumulative(double[] weights) {
    double[] upTo = new double[weights.length];
    double sum = 0;
    for (int i = 0; i < weights.length; i++) {
      sum += weights[i];
      upTo[i] = sum;
    }
    for (int i = 0; i < weights.length; i++) {
      upTo[i] /= sum;
    }
    return upTo;
  }

  /** Chooses the next call's message; {@link #kind} and {@link #principal} then tell of it. */
  public byte[] next() {
    kind = kindUpTo.length == 1 ? 0 : choose(kindUpTo);
    principal = principalUpTo.length == 1 ? 0 : choose(principalUpTo);
    byte[][] of = messages[kind];
    return of.length == 1 ? of[0] : of[random.nextInt(of.length)];
  }

  private int choose(double[] upTo) {
    double at = random.nextDouble();
    int low = 0;
    int high = upTo.length - 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (at < upTo[middle]) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  /** Index of the chosen kind. */
  public int kind() {
    return kind;
  }

  /** Index of the chosen principal. */
  public int principal() {
    return principal;
  }

  /** Names of the kinds, in order. */
  public List<String> names() {
    List<String> names = new ArrayList<>();
    kinds.forEach(each -> names.add(each.name()));
    return names;
  }
}
