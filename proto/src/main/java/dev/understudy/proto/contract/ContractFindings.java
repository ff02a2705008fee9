package dev.understudy.proto.contract;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.understudy.proto.inference.InferTensorContents;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.tensor.Datatype;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a contract finds in one request that does not simply keep it: what must be refused, what was
 * put right, what is only said. Made only where there is something to say. One thread.
 */
public final class ContractFindings {
  /** The most violations that are told one by one. */
  public static final int MOST_TOLD = 64;

  /**
   * The most violations that are counted; once refused for so many, the rest is not looked at. As
   * many flags and trials are counted, apart; once there are so many, only what may refuse or put
   * right is still looked at, so that no number of flags can hide a refusal.
   */
  public static final int MOST_COUNTED = 65_536;

  /**
   * Why a request must be refused.
   *
   * @param field such as {@code inputs[features].data[row=3, amount]}
   * @param description the value and what was expected
   */
  public record Violation(String field, String description) {}

  /**
   * How often a rule came to something.
   *
   * @param rule such as {@code amount.range}
   * @param action {@code refuse}, {@code clamp}, {@code fill}, {@code flag} or {@code trial}
   * @param times 1 or more
   */
  public record Count(String rule, String action, long times) {}

  /** What was done about a value. */
  enum Deed {
    REFUSE(0, "refuse"),
    CLAMP(1, "clamp"),
    FILL(2, "fill"),
    FLAG(3, "flag"),
    TRIAL(4, "trial");

    final int place;
    final String word;

    Deed(int place, String word) {
      this.place = place;
      this.word = word;
    }
  }

  private static final class Typed {
    final Datatype type;
    final byte[] data;

    Typed(Datatype type, byte[] data) {
      this.type = type;
      this.data = data;
    }
  }

  private final byte[] message;
  private final List<Violation> violations = new ArrayList<>();
  private final Map<String, long[]> counts = new LinkedHashMap<>();
  private final Set<String> flags = new LinkedHashSet<>();
  private final Map<Integer, Typed> typed = new LinkedHashMap<>();
  private byte @Nullable [] copy;
  private long refused;
  private long noted;
  private long firstRow = -1;
  private @Nullable String lastRule;
  private long[] lastCounts = new long[0];

  ContractFindings(byte[] message) {
    this.message = message;
  }

  /** Why the request must be refused, the first {@value #MOST_TOLD}; empty when it may pass. */
  public List<Violation> violations() {
    return List.copyOf(violations);
  }

  /** How many violations there are, told or not; at most {@value #MOST_COUNTED} are counted. */
  public long refused() {
    return refused;
  }

  /** Whether there are more violations than were counted. */
  public boolean cut() {
    return full();
  }

  /** What the call is flagged with, in order: {@code contract.amount}, {@code contract.clamped}. */
  public Set<String> flags() {
    return Collections.unmodifiableSet(flags);
  }

  /** How often which rule came to what. */
  public List<Count> counts() {
    List<Count> list = new ArrayList<>();
    counts.forEach((rule, times) -> {
      for (Deed deed : Deed.values()) {
        if (times[deed.place] > 0) {
          list.add(new Count(rule, deed.word, times[deed.place]));
        }
      }
    });
    return list;
  }

  /**
   * The message to forward when values were put right, a copy; null when the message goes on as it
   * came. Typed integers may change its length.
   */
  public byte @Nullable [] changed() {
    if (typed.isEmpty()) {
      return copy;
    }
    try {
      ModelInferRequest.Builder request =
          ModelInferRequest.parseFrom(copy == null ? message : copy).toBuilder();
      typed.forEach((index, data) ->
          request.getInputsBuilder(index).setContents(contents(data.type, data.data)));
      return request.build().toByteArray();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("a message that has been read before", e);
    }
  }

  /** Whether further flags and trials would not be counted. */
  boolean notedFull() {
    return noted >= MOST_COUNTED;
  }

  /** Whether further violations would not be counted. */
  boolean full() {
    return refused >= MOST_COUNTED;
  }

  /** The row of the first violation that is an element's; -1 when there is none. */
  long firstRow() {
    return firstRow;
  }

  /** The element of a row must not pass. */
  void refuse(String rule, String field, long row, String description) {
    if (violations.isEmpty()) {
      firstRow = row;
    }
    refuse(rule, field, description);
  }

  void refuse(String rule, String field, String description) {
    count(rule, Deed.REFUSE);
    refused++;
    if (violations.size() < MOST_TOLD) {
      violations.add(new Violation(field, description));
    }
  }

  boolean isEmpty() {
    return counts.isEmpty();
  }

  /** Whether the texts of a further violation will be told. */
  boolean tells() {
    return violations.size() < MOST_TOLD;
  }

  void refuseUntold(String rule) {
    count(rule, Deed.REFUSE);
    refused++;
  }

  /** Says something of a value, if there is still room for that. */
  void note(String rule, String flag, Deed deed) {
    if (noted < MOST_COUNTED) {
      noted++;
      flag(rule, flag, deed);
    }
  }

  void flag(String rule, String flag, Deed deed) {
    count(rule, deed);
    flags.add(flag);
  }

  /** The array in which values of the message are put right. */
  byte[] copy() {
    byte[] bytes = copy;
    if (bytes == null) {
      bytes = message.clone();
      copy = bytes;
    }
    return bytes;
  }

  /** An input with typed contents whose raw form was put right. */
  void typed(int input, Datatype type, byte[] data) {
    typed.put(input, new Typed(type, data));
  }

  private void count(String rule, Deed deed) {
    if (!rule.equals(lastRule)) {
      lastCounts = counts.computeIfAbsent(rule, name -> new long[Deed.values().length]);
      lastRule = rule;
    }
    lastCounts[deed.place]++;
  }

  /** Typed contents of raw ones. */
  static InferTensorContents contents(Datatype type, byte[] data) {
    Keys keys = new Keys(type);
    InferTensorContents.Builder contents = InferTensorContents.newBuilder();
    for (int at = 0; at < data.length; at += keys.size) {
      switch (type) {
        case BOOL -> contents.addBoolContents(data[at] != 0);
        case INT8 -> contents.addIntContents(data[at]);
        case INT16 -> contents.addIntContents((short) Keys.SHORT.get(data, at));
        case INT32 -> contents.addIntContents((int) Keys.INT.get(data, at));
        case INT64 -> contents.addInt64Contents((long) Keys.LONG.get(data, at));
        case UINT8 -> contents.addUintContents(data[at] & 0xff);
        case UINT16 -> contents.addUintContents((short) Keys.SHORT.get(data, at) & 0xffff);
        case UINT32 -> contents.addUintContents((int) Keys.INT.get(data, at));
        case UINT64 -> contents.addUint64Contents((long) Keys.LONG.get(data, at));
        case FP32 -> contents.addFp32Contents(Float.intBitsToFloat((int) Keys.INT.get(data, at)));
        case FP64 ->
            contents.addFp64Contents(Double.longBitsToDouble((long) Keys.LONG.get(data, at)));
        default -> throw new IllegalStateException(type + " has no typed contents");
      }
    }
    return contents.build();
  }
}
